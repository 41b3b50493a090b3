"""What the service answers, described field by field; its documentation is made of this."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from xray import NOTICE, ONE_SOURCE
from xray.explain.maps import Method
from xray.predictor.manifest import Manifest

VERSION, ID = "8c1f0a3b5d7e", "4b825dc642cb6eb9a060e54bf8d69288"
"""Examples."""


class Answer(BaseModel):
    """Base of all answers: never changed once made."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class ModelId(Answer):
    """Which model answered."""

    version: str = Field(description="Hash of its weights and decision.", examples=[VERSION])
    name: str = Field(description="Class of its network.", examples=["SimpleCNN"])
    run: str | None = Field(description="The run that trained it, where that is known.", examples=["cnn/version_0"])
    precision: str = Field(description="fp32, or int8 for a quantised model.", examples=["fp32"])
    class_names: tuple[str, str] = Field(
        description="Negative class, positive class.", examples=[["NORMAL", "PNEUMONIA"]]
    )


class Result(Answer):
    """What the model says of one image."""

    index: int = Field(description="Place of the file in the request, from 0.", ge=0, examples=[0])
    file: str | None = Field(description="Its name as sent.", examples=["image.jpeg"])
    outcome: Literal["predicted", "rejected"] = Field(
        description="rejected: the picture does not look like a frontal chest X-ray, so there is no probability."
    )
    probability: float | None = Field(
        description="Calibrated probability of the positive class; null where rejected.", ge=0, le=1, examples=[0.931]
    )
    decision: str | None = Field(
        description="The positive class from the threshold upwards, else the negative one; null where rejected.",
        examples=["PNEUMONIA"],
    )
    threshold: float = Field(description="Probability from which an image is called positive.", examples=[0.412])
    logit: float | None = Field(description="Raw output of the network; null where rejected.", examples=[2.604])
    reason: str | None = Field(description="Why it was rejected; null where predicted.", examples=[None])


class Prediction(Answer):
    """Answer of /predict."""

    model: ModelId
    notice: str = Field(description="What this must not be used for.", examples=[NOTICE])
    results: list[Result] = Field(description="One for each file, in the order sent.")
    request_id: str = Field(description="Finds the request in the logs.", examples=[ID])


class Heat(Answer):
    """What moved the model's number, as a layer over the image."""

    method: Method = Field(description="By which it was found.")
    layer: str = Field(description="PNG in base64, RGBA, of the image's width and height as answered.")
    limit: float = Field(description="The colours end at this logit, and at its negative.", examples=[1.7])
    unit: Literal["logit"] = Field(description="Unit of the limit.")
    towards_positive: str = Field(description="What the colours above 0 mean.", examples=["speaks for PNEUMONIA"])
    towards_negative: str = Field(description="What the colours below 0 mean.", examples=["speaks for NORMAL"])
    caveat: str = Field(description="What the map is not; to be shown beside it.")


class Explained(Answer):
    """Answer of /explain."""

    model: ModelId
    notice: str = Field(description="What this must not be used for.", examples=[NOTICE])
    result: Result
    image: str = Field(description="The image as PNG in base64, grey, its longer side at most 1024 pixels.")
    width: int = Field(description="Of image and layer, in pixels.", examples=[1024])
    height: int = Field(description="Of image and layer, in pixels.", examples=[768])
    methods: list[Method] = Field(description="What this model can be asked for.")
    heat: Heat | None = Field(description="Null where the image was rejected.")
    request_id: str = Field(description="Finds the request in the logs.", examples=[ID])


class State(Answer):
    """Answer of /health and /ready."""

    status: Literal["ok", "ready"] = Field(description="ok: the process lives. ready: it answers images.")
    model_version: str = Field(examples=[VERSION], description="Hash of the model's weights and decision.")


class ModelCard(Answer):
    """Answer of /model: all that the model's file says of itself."""

    manifest: dict[str, Any] = Field(
        description="What it takes, how it decides, what it was trained on, its licence; without OOD detector's figures."
    )
    rejects: bool = Field(description="Whether pictures that do not look like chest X-rays are rejected.")
    methods: list[Method] = Field(description="What /explain can be asked for.")
    limits: dict[str, int] = Field(description="Of one request: files, file_bytes, request_bytes, pixels.")
    notice: str = Field(description="What it must not be used for.", examples=[NOTICE])
    caution: str = Field(description="What its figures do not promise.", examples=[ONE_SOURCE])


class BadFile(Answer):
    """One file that is to blame for an error."""

    index: int = Field(description="Place of the file in the request, from 0.", ge=0, examples=[0])
    file: str | None = Field(description="Its name as sent.", examples=["image.jpeg"])
    code: str = Field(description="A word for programs.", examples=["unreadable"])
    reason: str = Field(description="What is wrong with it, for people.", examples=["image file is truncated"])


class ErrorDetail(Answer):
    """Why a request was not answered."""

    code: str = Field(description="A word for programs.", examples=["unprocessable"])
    message: str = Field(description="What is wrong and how to mend it, for people.")
    files: list[BadFile] = Field(description="The files that are to blame; empty where none is.")


class ErrorBody(Answer):
    """Every error, whatever its status."""

    error: ErrorDetail
    model_version: str = Field(description="Hash of the model's weights and decision.", examples=[VERSION])
    request_id: str = Field(description="Finds the request in the logs.", examples=[ID])


def model_id(manifest: Manifest) -> ModelId:
    """What every answer says of the model."""
    return ModelId(
        version=manifest.version,
        name=manifest.model,
        run=manifest.run,
        precision=manifest.precision,
        class_names=manifest.class_names,
    )
