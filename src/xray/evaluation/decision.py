"""From validation films to decisions: the temperature, then the operating point; functions on arrays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from xray.evaluation.calibration import fit_temperature, probability_of
from xray.evaluation.metrics import Confusion
from xray.evaluation.operating_point import OperatingPoint, choose_threshold
from xray.evaluation.ranking import Labels, Scores, auroc


@dataclass(frozen=True)
class ValidationFilms:
    """Which films a decision was fitted on.

    Args:
        data_root: The folder of the data set.
        validation: How they were chosen from it, see `xray.data.datamodule.ChestXRayDataModule`.
        films: How many.
        patients: Of how many patients.
        fingerprint: Hash of their files and labels.
        notes: What a reader must know about them: films left out, overlaps accepted.
    """

    data_root: str
    validation: str
    films: int
    patients: int
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """How a logit becomes a decision, and where that comes from.

    Args:
        temperature: Divides the logit.
        threshold: Calibrated probability from which a film is called positive.
        rule: See `OperatingPoint`.
        target: See `OperatingPoint`.
        wish: The rule in words.
        auroc: Of the validation films.
        sensitivity: Of the validation films at this threshold.
        specificity: Likewise.
        fitted_on: The validation films.
    """

    temperature: float
    threshold: float
    rule: str
    target: float | None
    wish: str
    auroc: float
    sensitivity: float
    specificity: float
    fitted_on: ValidationFilms

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint or for JSON."""
        values = asdict(self)
        values["fitted_on"]["notes"] = list(self.fitted_on.notes)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Decision":
        """Read what `as_dict` gave."""
        own = {field.name: values[field.name] for field in fields(cls)}
        films = dict(values["fitted_on"])
        return cls(**own | {"fitted_on": ValidationFilms(**films | {"notes": tuple(films["notes"])})})


def fit_decision(labels: Labels, logits: Scores, point: OperatingPoint, fitted_on: ValidationFilms) -> Decision:
    """Fit temperature and operating point.

    Both are rounded to single precision, in which a checkpoint keeps them, before anything is derived from them.

    Args:
        labels: 0 or 1, shape (films,), of both classes.
        logits: Raw outputs of the network, shape (films,).
        point: The rule of the operating point.
        fitted_on: What the films are.
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
        point.wish,
        auroc(labels, logits),
        float(counts.sensitivity[0]),
        float(counts.specificity[0]),
        fitted_on,
    )
