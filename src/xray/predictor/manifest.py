"""All that a model is besides its weights: what it takes, how it decides, what it was trained on."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from xray import NOTICE
from xray.data.decode.image import ResizeRule
from xray.evaluation.calibration import probability_of
from xray.ood.detector import OODDetector
from xray.runs.old_names import with_new_names

MANIFEST_KEY = "xray"
"""Name of the manifest in an exported file's metadata."""

Format = Literal["checkpoint", "onnx", "torch"]
Precision = Literal["fp32", "int8"]
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a model takes, how it decides, what it was trained on.

    A checkpoint and its exports differ in format, precision, version, license, measured and has_grad_cam alone.

    Args:
        format: What it is kept in.
        precision: In which numbers its network computes.
        model: Name of its class.
        run: The run that trained it, such as `cnn/version_0`; None where that is not known.
        version: Hash of weights and decision, 12 hexadecimal digits: equal for a checkpoint and its exports, but for
            `-int8` behind that of a quantised one.
        code: See `xray.utils.provenance.code_version`, of the training; None in old checkpoints.
        image_size: Side in pixels of the images that the network sees.
        resize: How an image becomes a square.
        class_names: Negative class, positive class.
        patient_pattern: How a file's name tells the patient.
        temperature: Divides the logit.
        threshold: Calibrated probability from which an image is called positive.
        decision: How the threshold was chosen, see `xray.evaluation.decision.Decision`; None in old checkpoints.
        training: Images, patients, images of each class and fingerprint of the training data, and the name of its folder;
            None in old checkpoints.
        ood: What tells pictures that are no chest X-rays, see `xray.ood.detector`; None where nothing does.
        has_grad_cam: Whether it can say where its logit comes from by Grad-CAM.
        license: Under which the weights may be used.
        measured: What quantising cost and gained, see `xray.export`; None for single precision.
        notice: What it must not be used for.
    """

    format: Format
    precision: Precision = "fp32"
    model: str
    run: str | None
    version: str
    code: Mapping[str, Any] | None
    image_size: int
    resize: ResizeRule
    class_names: tuple[str, str]
    patient_pattern: str
    temperature: float
    threshold: float
    decision: Mapping[str, Any] | None
    training: Mapping[str, Any] | None
    ood: Mapping[str, Any] | None
    has_grad_cam: bool
    license: str = "not stated"
    measured: Mapping[str, Any] | None = None
    notice: str = NOTICE

    def probability(self, logits: Scores) -> Scores:
        """Calibrated probability of the positive class, from 0 to 1, shape (images,)."""
        return probability_of(logits, self.temperature)

    def to_json(self) -> str:
        """The manifest as one JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, format: Format) -> "Manifest":
        """Read what `to_json` wrote.

        Args:
            text: One JSON object.
            format: Of the file that it is in.

        Raises:
            ValueError: It is something else, of another version, or of a file of another format.
        """
        values = with_new_names(json.loads(text))
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or values.keys() != names:
            raise ValueError("its manifest is of another version of xray")
        for name, is_right in _CHECKS.items():
            if not is_right(values[name]):
                raise ValueError(f"its manifest holds no usable {name}")
        if values["format"] != format:
            raise ValueError("its manifest is that of another format")
        return cls(**values | {"class_names": tuple(values["class_names"])})


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) < 100 and value.isascii() and value.isprintable()


def _is_pattern(value: object) -> bool:
    try:
        return isinstance(value, str) and "patient" in re.compile(value).groupindex
    except re.error:
        return False


def _is_ood_detector(value: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    try:
        return value is None or isinstance(OODDetector.from_dict(value), OODDetector)
    except (LookupError, TypeError, ValueError):
        return False


# Whoever edits a file may break it: better told when it is opened than by wrong answers.
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "format": lambda value: value in get_args(Format),
    "precision": lambda value: value in get_args(Precision),
    "version": _is_plain,
    "image_size": lambda value: isinstance(value, int) and 16 <= value <= 8192,
    "resize": lambda value: value in get_args(ResizeRule),
    "class_names": lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(name, str) and name.isprintable() for name in value)
    ),
    "patient_pattern": _is_pattern,
    "temperature": lambda value: _is_number(value, 1e-6, 1e6),
    "threshold": lambda value: _is_number(value, 0, 1),
    "ood": _is_ood_detector,
    "has_grad_cam": lambda value: isinstance(value, bool),
}
