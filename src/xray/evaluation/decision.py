"""The decision rule of a model: temperature and threshold, fitted on validation images."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.calibration import fit_temperature, probability_of
from xray.evaluation.metrics import Confusion
from xray.evaluation.operating_point import OperatingPoint, choose_threshold
from xray.evaluation.ranking import auroc


@dataclass(frozen=True)
class ValidationImages:
    """The images that a decision was fitted on.

    Args:
        data_root: Root folder of the data set.
        validation: How they were selected, see `xray.data.datamodule.ChestXRayDataModule`.
        images: Number of images.
        patients: Number of patients.
        fingerprint: Hash of their files and labels.
        notes: Remarks such as excluded images and accepted overlaps.
    """

    data_root: str
    validation: str
    images: int
    patients: int
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """How a logit becomes a decision, and how that was fitted.

    The calibrated probability sigmoid(logit / temperature) is positive from the threshold on. Rule, target and
    description are those of the `OperatingPoint`; AUROC, sensitivity and specificity those on the validation images.
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
        """Return plain values for a checkpoint or JSON."""
        values = asdict(self)
        values["fitted_on"]["notes"] = list(self.fitted_on.notes)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Decision":
        """Restore from the output of `as_dict`."""
        own = {field.name: values[field.name] for field in fields(cls)}
        images = dict(values["fitted_on"])
        return cls(**own | {"fitted_on": ValidationImages(**images | {"notes": tuple(images["notes"])})})


def fit_decision(labels: Labels, logits: Scores, point: OperatingPoint, fitted_on: ValidationImages) -> Decision:
    """Fit temperature and threshold on the logits of validation images of both classes.

    Both are rounded to float32, as stored in a checkpoint, before other values are derived from them.
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
