"""Metadata of a model: inputs, decision, training data, version."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from xray import NOTICE
from xray.data.decode.image import ResizeRule
from xray.evaluation.arrays import Scores
from xray.evaluation.scaling import MAX_OFFSET, Scaling
from xray.ood.detector import OODDetector
from xray.runs.old_names import with_new_names

MANIFEST_KEY = "xray"
"""Name of the manifest in an exported file's metadata."""

Format = Literal["checkpoint", "onnx", "torch"]
Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Metadata of a model.

    A checkpoint and its exports differ only in format, precision, version, license, measured and has_grad_cam.

    Args:
        format: File format.
        precision: Precision of the network's computations.
        model: Class name of the model.
        run: The run that trained it, such as `cnn/version_0`; None if unknown.
        version: Hash of weights and decision, 12 hexadecimal digits; the same for a checkpoint and its exports, with
            the suffix `-int8` for quantised ones.
        code: Code version of the training, see `xray.utils.provenance.code_version`; None in old checkpoints.
        image_size: Side of the network's input in pixels.
        resize: How an image becomes a square.
        class_names: Negative class, positive class.
        patient_pattern: Regular expression for the patient in a file name.
        temperature: Divides the logit, see `xray.evaluation.scaling.Scaling`.
        offset: Is added to the divided logit; 0 in old files.
        threshold: Calibrated probability from which an image is predicted positive.
        decision: How the threshold was chosen, see `xray.evaluation.decision.Decision`; None in old checkpoints. If the
            run was tested, with the test's images, sensitivity and specificity in `test`.
        training: Number of images, patients and images per class, fingerprint and folder name of the training data;
            None in old checkpoints.
        ood: OOD detector, see `xray.ood.detector`; None if there is none.
        has_grad_cam: Whether the model supports Grad-CAM.
        license: License of the weights.
        measured: Accuracy and speed of a quantised model, see `xray.export.quantise.compare`; None for fp32.
        notice: Limits of use.
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
    offset: float = 0.0
    decision: Mapping[str, Any] | None
    training: Mapping[str, Any] | None
    ood: Mapping[str, Any] | None
    has_grad_cam: bool
    license: str = "not stated"
    measured: Mapping[str, Any] | None = None
    notice: str = NOTICE

    def probability(self, logits: Scores) -> Scores:
        """Return calibrated probabilities of the positive class, from 0 to 1, shape (images,)."""
        return Scaling(self.temperature, self.offset).probability(logits)

    def to_json(self) -> str:
        """Return the manifest as a JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, format: Format) -> "Manifest":
        """Read a manifest written by `to_json`.

        Args:
            text: A JSON object.
            format: Format of the file that contains it.

        Raises:
            ValueError: The text is not a manifest, or one of another version or format.
        """
        values = with_new_names(json.loads(text))
        names = {field.name for field in fields(cls)}
        if isinstance(values, dict):
            values.setdefault("offset", 0.0)
        if not isinstance(values, dict) or values.keys() != names:
            raise ValueError("its manifest is of another version of xray")
        for name, is_valid in _CHECKS.items():
            if not is_valid(values[name]):
                raise ValueError(f"its manifest has no valid {name}")
        if values["format"] != format:
            raise ValueError("its manifest is of another format")
        return cls(**values | {"class_names": tuple(values["class_names"])})


def _is_ood_detector(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    try:
        return value is None or isinstance(OODDetector.from_dict(value), OODDetector)
    except (LookupError, TypeError, ValueError):
        return False


# The metadata may have been edited, or written by another version: better an error than wrong predictions.
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "image_size": lambda value: isinstance(value, int) and 16 <= value <= 8192,
    "resize": lambda value: value in get_args(ResizeRule),
    "class_names": lambda value: isinstance(value, list) and len(value) == 2,
    "temperature": lambda value: isinstance(value, int | float) and value > 0,
    "offset": lambda value: isinstance(value, int | float) and abs(value) <= MAX_OFFSET,
    "threshold": lambda value: isinstance(value, int | float) and 0 <= value <= 1,
    "ood": _is_ood_detector,
}
