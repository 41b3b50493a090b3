"""The decision rule of a model: scaling and threshold, fitted on validation images."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.metrics import Confusion
from xray.evaluation.operating_point import OperatingPoint, choose_threshold
from xray.evaluation.ranking import auroc
from xray.evaluation.resampling import Patients, estimates
from xray.evaluation.scaling import Scaling, fit_scaling

INTERVALS = ("sensitivity_interval", "specificity_interval")


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
        images_by_class: Number of images of each class; None in old decisions.
    """

    data_root: str
    validation: str
    images: int
    patients: int
    fingerprint: str
    notes: tuple[str, ...] = ()
    images_by_class: tuple[int, int] | None = None


@dataclass(frozen=True)
class Decision:
    """How a logit becomes a decision, and how that was fitted.

    The calibrated probability sigmoid(logit / temperature + offset) is positive from the threshold on. Rule, target and
    description are those of the `OperatingPoint`; AUROC, sensitivity and specificity those on the validation images.
    The 95% intervals are by a bootstrap of patients, and None where they are not defined or not recorded.
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
    sensitivity_interval: tuple[float, float] | None = None
    specificity_interval: tuple[float, float] | None = None
    offset: float = 0.0

    @property
    def scaling(self) -> Scaling:
        """How a logit becomes a calibrated probability."""
        return Scaling(self.temperature, self.offset)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint or JSON."""
        values = asdict(self)
        values["fitted_on"]["notes"] = list(self.fitted_on.notes)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Decision":
        """Restore from the output of `as_dict`."""
        # Decisions of earlier versions have neither intervals nor offset.
        own = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        own |= {name: tuple(own[name]) for name in INTERVALS if own.get(name)}
        images = dict(values["fitted_on"])
        by_class = images.get("images_by_class")
        images |= {"notes": tuple(images["notes"]), "images_by_class": tuple(by_class) if by_class else None}
        return cls(**own | {"fitted_on": ValidationImages(**images)})


def fit_decision(
    labels: Labels, logits: Scores, point: OperatingPoint, fitted_on: ValidationImages, patients: Sequence[str]
) -> Decision:
    """Fit scaling and threshold on the logits of validation images of both classes.

    All are rounded to float32, as stored in a checkpoint, before other values are derived from them.

    Args:
        labels: 0 or 1, shape (images,).
        logits: Raw logits, shape (images,).
        point: The rule of the operating point.
        fitted_on: What is recorded of the images.
        patients: The patient of each image, for the scaling and the intervals.
    """
    scaling = fit_scaling(labels, logits, patients)
    probability = scaling.probability(logits)
    threshold = float(np.float32(choose_threshold(labels, probability, point)))
    decisions = (probability >= threshold).astype(np.int64)
    shares = estimates(Patients.of(patients, labels), lambda weights: _shares(labels, decisions, weights))
    intervals = {
        name: None if share.low is None or share.high is None else (share.low, share.high)
        for name, share in shares.items()
    }
    counts = Confusion.of(labels, decisions)
    return Decision(
        scaling.temperature,
        threshold,
        point.rule,
        point.target,
        point.description,
        auroc(labels, logits),
        float(counts.sensitivity[0]),
        float(counts.specificity[0]),
        fitted_on,
        intervals["sensitivity"],
        intervals["specificity"],
        scaling.offset,
    )


def _shares(labels: Labels, decisions: Labels, weights: Weights) -> dict[str, ResampleValues]:
    counts = Confusion.of(labels, decisions, weights)
    return {"sensitivity": counts.sensitivity, "specificity": counts.specificity}
