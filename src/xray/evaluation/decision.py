"""From validation images to decisions: the temperature, then the operating point; functions on arrays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from xray.evaluation.calibration import fit_temperature, probability_of
from xray.evaluation.metrics import Confusion
from xray.evaluation.operating_point import OperatingPoint, choose_threshold
from xray.evaluation.ranking import Labels, Scores, auroc


@dataclass(frozen=True)
class ValidationImages:
    """Which images a decision was fitted on.

    Args:
        data_root: The folder of the data set.
        validation: How they were chosen from it, see `xray.data.datamodule.ChestXRayDataModule`.
        images: How many.
        patients: Of how many patients.
        fingerprint: Hash of their files and labels.
        notes: What a reader must know about them: images left out, overlaps accepted.
    """

    data_root: str
    validation: str
    images: int
    patients: int
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """How a logit becomes a decision, and where that comes from.

    Args:
        temperature: Divides the logit.
        threshold: Calibrated probability from which an image is called positive.
        rule: See `OperatingPoint`.
        target: See `OperatingPoint`.
        description: The rule in words.
        auroc: Of the validation images.
        sensitivity: Of the validation images at this threshold.
        specificity: Likewise.
        fitted_on: The validation images.
    """

    temperature: float
    threshold: float
    rule: str
    target: float | None
    description: str
    auroc: float
    sensitivity: float
    specificity: float
    fitted_on: ValidationImages

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint or for JSON."""
        values = asdict(self)
        values["fitted_on"]["notes"] = list(self.fitted_on.notes)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Decision":
        """Read what `as_dict` gave."""
        own = {field.name: values[field.name] for field in fields(cls)}
        images = dict(values["fitted_on"])
        return cls(**own | {"fitted_on": ValidationImages(**images | {"notes": tuple(images["notes"])})})


def fit_decision(labels: Labels, logits: Scores, point: OperatingPoint, fitted_on: ValidationImages) -> Decision:
    """Fit temperature and operating point.

    Both are rounded to single precision, in which a checkpoint keeps them, before anything is derived from them.

    Args:
        labels: 0 or 1, shape (images,), of both classes.
        logits: Raw outputs of the network, shape (images,).
        point: The rule of the operating point.
        fitted_on: What the images are.
    """
    temperature = float(np.float32(fit_temperature(labels, logits)))
    probability = probability_of(logits, temperature)
    threshold = float(np.float32(choose_threshold(labels, probability, point)))
    counts = Confusion.of(labels, (probability >= threshold).astype(np.int64))
    return Decision(
        temperature,
        threshold,
        point.rule,
        point.target,
        point.description,
        auroc(labels, logits),
        float(counts.sensitivity[0]),
        float(counts.specificity[0]),
        fitted_on,
    )
