"""Scaling of logits to calibrated probabilities, fitted on validation images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.calibration import probability_of

MAX_TEMPERATURE: Final = 20.0
"""The highest temperature; its inverse is the lowest."""
MAX_OFFSET: Final = 20.0
"""The largest offset, of either sign."""
FOLDS: Final = 5
"""Parts of the patients by which the forms of scaling are compared, or fewer if a class has fewer patients."""


@dataclass(frozen=True)
class Scaling:
    """Probability of the positive class from a logit: sigmoid(logit / temperature + offset).

    Temperature scaling (Guo et al., ICML 2017) has no offset; with one it is Platt scaling (Advances in Large Margin
    Classifiers, 1999, 61-74). Neither changes the ranking of images.
    """

    temperature: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Scaling":
        """Read `temperature` and `offset`, which older results lack."""
        return cls(float(values["temperature"]), float(values.get("offset", 0.0)))

    def __str__(self) -> str:
        if self == Scaling():
            return "sigmoid(logit)"
        sign = "-" if self.offset < 0 else "+"
        offset = f" {sign} {abs(self.offset):.3f}" if self.offset else ""
        return f"sigmoid(logit / {self.temperature:.3f}{offset})"

    def scale(self, logits: Scores) -> Scores:
        """Return the log-odds of the calibrated probabilities."""
        return logits / self.temperature + self.offset

    def probability(self, logits: Scores) -> Scores:
        """Return the calibrated probabilities, from 0 to 1."""
        return probability_of(self.scale(logits))


def fit_scaling(labels: Labels, logits: Scores, patients: Sequence[str]) -> Scaling:
    """Fit the form of scaling that predicts patients best that it was not fitted on.

    Identity, temperature, and temperature with offset are compared by the log loss in a cross-validation by patient.
    With few images the simpler forms win: a temperature alone can make probabilities worse.

    Args:
        labels: 0 or 1, both present, shape (images,).
        logits: Logits of validation images, shape (images,).
        patients: The patient of each image.

    Returns:
        The chosen form, fitted on all images, in float32 as a checkpoint stores it.
    """
    forms = ((False, False), (True, False), (True, True))
    best = fit_form(labels, logits, *min(forms, key=lambda form: _loss_by_patient(labels, logits, patients, *form)))
    return Scaling(float(np.float32(best.temperature)), float(np.float32(best.offset)))


def fit_form(labels: Labels, logits: Scores, with_temperature: bool = True, with_offset: bool = True) -> Scaling:
    """Fit temperature and offset by maximum likelihood; what is left out stays 1 or 0.

    The labels are smoothed (Platt, 1999); without that, perfectly separated images would drive the temperature to 0.
    """
    from scipy.optimize import minimize

    if not with_temperature or not logits.any():
        return Scaling()
    positives = int(labels.sum())
    negatives = len(labels) - positives
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: Scores) -> tuple[float, Scores]:
        slope, offset = parameters
        scaled = slope * logits + offset
        error = probability_of(scaled) - targets
        gradient = np.array([np.mean(error * logits), np.mean(error)])
        return float(np.mean(np.logaddexp(0.0, scaled) - targets * scaled)), gradient

    limit = MAX_OFFSET if with_offset else 0.0
    bounds = [(1 / MAX_TEMPERATURE, MAX_TEMPERATURE), (-limit, limit)]
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000}
    slope, offset = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Scaling(1 / float(slope), float(offset))


def log_loss(labels: Labels, log_odds: Scores) -> float:
    """Mean negative log-likelihood of labels 0 or 1 given the log-odds of the positive class, in nats."""
    return float(np.mean(np.logaddexp(0.0, log_odds) - labels * log_odds))


def _loss_by_patient(
    labels: Labels, logits: Scores, patients: Sequence[str], with_temperature: bool, with_offset: bool
) -> float:
    """Return the log loss of a form of scaling on patients that it was not fitted on; infinite if they are too few."""
    from sklearn.model_selection import StratifiedGroupKFold

    if not with_temperature:
        return log_loss(labels, logits)
    names = np.asarray(patients)
    folds = min(FOLDS, *(len(np.unique(names[labels == label])) for label in (0, 1)))
    if folds < 2:
        return float("inf")
    scaled = np.zeros_like(logits)
    for fitted, held_out in StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(logits, labels, names):
        scaling = fit_form(labels[fitted], logits[fitted], with_temperature, with_offset)
        scaled[held_out] = scaling.scale(logits[held_out])
    return log_loss(labels, scaled)
