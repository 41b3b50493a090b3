"""Response bodies of the service; the API documentation is generated from them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from xray import NOTICE, ONE_SOURCE
from xray.explain.maps import Method
from xray.predictor.manifest import Manifest

VERSION, ID = "8c1f0a3b5d7e", "4b825dc642cb6eb9a060e54bf8d69288"
"""Examples in the API documentation."""


class ResponseBody(BaseModel):
    """Base of all response bodies."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class ModelId(ResponseBody):
    """Identity of the model."""

    version: str = Field(description="Hash of weights and decision.", examples=[VERSION])
    name: str = Field(description="Class of the model.", examples=["CNNClassifier"])
    run: str | None = Field(description="The run that trained it, if known.", examples=["cnn/version_0"])
    precision: str = Field(description="fp32, or int8 for a quantised model.", examples=["fp32"])
    class_names: tuple[str, str] = Field(
        description="Negative class, positive class.", examples=[["NORMAL", "PNEUMONIA"]]
    )


class Result(ResponseBody):
    """Result for one image."""

    index: int = Field(description="Position of the file in the request, from 0.", ge=0, examples=[0])
    file: str | None = Field(description="File name as sent.", examples=["image.jpeg"])
    outcome: Literal["predicted", "rejected"] = Field(
        description="rejected: the image does not look like a frontal chest X-ray, so it gets no probability."
    )
    probability: float | None = Field(
        description="Probability of the positive class, scaled on validation images; null if rejected.",
        ge=0,
        le=1,
        examples=[0.931],
    )
    decision: str | None = Field(
        description="The positive class from the threshold upwards, else the negative one; null if rejected.",
        examples=["PNEUMONIA"],
    )
    threshold: float = Field(description="Probability from which an image is predicted positive.", examples=[0.412])
    logit: float | None = Field(description="Raw output of the network; null if rejected.", examples=[2.604])
    reason: str | None = Field(description="Why it was rejected; null if predicted.", examples=[None])


class Prediction(ResponseBody):
    """Response of /predict."""

    model: ModelId
    notice: str = Field(description="What the result must not be used for.", examples=[NOTICE])
    results: list[Result] = Field(description="One result per file, in the order sent.")
    request_id: str = Field(description="Identifies the request in the logs.", examples=[ID])


class Heatmap(ResponseBody):
    """What moved the logit, as a layer over the image."""

    method: Method = Field(description="How it was computed.")
    layer: str = Field(description="PNG in base64, RGBA, with the width and height of the returned image.")
    limit: float = Field(description="The colour scale ends at this logit and at its negative.", examples=[1.7])
    unit: Literal["logit"] = Field(description="Unit of the limit.")
    towards_positive: str = Field(description="What the colours above 0 mean.", examples=["supports PNEUMONIA"])
    towards_negative: str = Field(description="What the colours below 0 mean.", examples=["supports NORMAL"])
    caveat: str = Field(description="What the map does not show; display it next to the map.")


class Explanation(ResponseBody):
    """Response of /explain."""

    model: ModelId
    notice: str = Field(description="What the result must not be used for.", examples=[NOTICE])
    result: Result
    image: str = Field(description="The image as PNG in base64, grey, its longer side at most 1024 pixels.")
    width: int = Field(description="Width of image and layer, in pixels.", examples=[1024])
    height: int = Field(description="Height of image and layer, in pixels.", examples=[768])
    methods: list[Method] = Field(description="Explanation methods of this model.")
    heat: Heatmap | None = Field(description="Null if the image was rejected.")
    request_id: str = Field(description="Identifies the request in the logs.", examples=[ID])


class Status(ResponseBody):
    """Response of /health and /ready."""

    status: Literal["ok", "ready"] = Field(description="ok: the process is alive. ready: it answers uploads.")
    model_version: str = Field(examples=[VERSION], description="Hash of the model's weights and decision.")


class ModelInfo(ResponseBody):
    """Response of /model: the manifest in the model's file."""

    manifest: dict[str, Any] = Field(
        description="Input, decision, training data and licence, without the parameters of the OOD detector."
    )
    rejects: bool = Field(description="Whether images that do not look like chest X-rays are rejected.")
    methods: list[Method] = Field(description="Methods of /explain.")
    limits: dict[str, int] = Field(description="Limits of one request: files, file_bytes, request_bytes, pixels.")
    notice: str = Field(description="What the model must not be used for.", examples=[NOTICE])
    caution: str = Field(description="What its metrics do not promise.", examples=[ONE_SOURCE])


class BadFile(ResponseBody):
    """A file that cannot be used."""

    index: int = Field(description="Position of the file in the request, from 0.", ge=0, examples=[0])
    file: str | None = Field(description="File name as sent.", examples=["image.jpeg"])
    code: str = Field(description="Error code for programs.", examples=["unreadable"])
    reason: str = Field(description="What is wrong with it, for people.", examples=["image file is truncated"])


class ErrorDetail(ResponseBody):
    """Why a request failed."""

    code: str = Field(description="Error code for programs.", examples=["unreadable"])
    message: str = Field(description="What is wrong and what to do, for people.")
    files: list[BadFile] = Field(description="The files that cannot be used, if any.")


class ErrorBody(ResponseBody):
    """Body of every error response."""

    error: ErrorDetail
    model_version: str = Field(description="Hash of the model's weights and decision.", examples=[VERSION])
    request_id: str = Field(description="Identifies the request in the logs.", examples=[ID])


def model_id(manifest: Manifest) -> ModelId:
    """Return the identity of the model, for responses."""
    return ModelId(
        version=manifest.version,
        name=manifest.model,
        run=manifest.run,
        precision=manifest.precision,
        class_names=manifest.class_names,
    )
