"""Metrics of a binary classifier, for a table or for many resamples of it at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.calibration import (
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    probability_of,
)
from xray.evaluation.ranking import Ranking, divide

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Prevalences at which predictive values are reported; that of the test images is not representative of a clinic."""


@dataclass(frozen=True)
class Confusion:
    """True and false positives and negatives, each of shape (resamples,)."""

    tp: ResampleValues
    fp: ResampleValues
    fn: ResampleValues
    tn: ResampleValues

    @classmethod
    def of(cls, labels: Labels, decisions: Labels, weights: Weights | None = None) -> "Confusion":
        """Count decisions 0 or 1 against labels 0 or 1, both of shape (images,); by default each image once."""
        weights = np.ones((1, len(labels))) if weights is None else weights
        outcome = 2 * labels + decisions
        # Not one product with a matrix of four columns: BLAS divides that among threads, which takes far longer.
        tn, fp, fn, tp = (weights @ (outcome == i).astype(np.float64) for i in range(4))
        return cls(tp, fp, fn, tn)

    @property
    def sensitivity(self) -> ResampleValues:
        """True-positive rate."""
        return divide(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> ResampleValues:
        """True-negative rate."""
        return divide(self.tn, self.tn + self.fp)

    @property
    def accuracy(self) -> ResampleValues:
        """Share of correct decisions."""
        return divide(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def balanced_accuracy(self) -> ResampleValues:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> ResampleValues:
        """Harmonic mean of precision and sensitivity."""
        return divide(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def mcc(self) -> ResampleValues:
        """Matthews correlation coefficient, -1 to 1 (Biochimica et Biophysica Acta 405 (1975) 442)."""
        product = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return divide(self.tp * self.tn - self.fp * self.fn, np.sqrt(product))

    @property
    def positive_likelihood_ratio(self) -> ResampleValues:
        """Sensitivity over 1 - specificity; infinite if no negative but some positive is predicted positive."""
        return _ratio(self.sensitivity, divide(self.fp, self.tn + self.fp))

    @property
    def negative_likelihood_ratio(self) -> ResampleValues:
        """1 - sensitivity over specificity; infinite if no negative but some positive is predicted negative."""
        return _ratio(divide(self.fn, self.tp + self.fn), self.specificity)

    def positive_predictive_value(self, prevalence: float) -> ResampleValues:
        """Share of positives among images predicted positive at the given prevalence (Bayes' theorem)."""
        true = self.sensitivity * prevalence
        return divide(true, true + (1 - self.specificity) * (1 - prevalence))

    def negative_predictive_value(self, prevalence: float) -> ResampleValues:
        """Share of negatives among images predicted negative at the given prevalence (Bayes' theorem)."""
        true = self.specificity * (1 - prevalence)
        return divide(true, true + (1 - self.sensitivity) * prevalence)


def decision_metrics(labels: Labels, decisions: Labels, weights: Weights | None = None) -> dict[str, ResampleValues]:
    """Return the metrics of decisions 0 or 1 by name, each of shape (resamples,)."""
    confusion = Confusion.of(labels, decisions, weights)
    names = ("sensitivity", "specificity", "balanced_accuracy", "accuracy", "mcc", "f1")
    ratios = ("positive_likelihood_ratio", "negative_likelihood_ratio")
    return {name: getattr(confusion, name) for name in (*names, *ratios)} | {
        f"{name}_at_{prevalence:g}": getattr(confusion, value)(prevalence)
        for prevalence in PREVALENCES
        for name, value in (("ppv", "positive_predictive_value"), ("npv", "negative_predictive_value"))
    }


def main_metrics(labels: Labels, scores: Scores, decisions: Labels) -> Callable[[Weights], dict[str, ResampleValues]]:
    """Return a function from weights to AUROC, sensitivity and specificity by name, each of shape (resamples,)."""
    ranking = Ranking.of(labels, scores)

    def metrics(weights: Weights) -> dict[str, ResampleValues]:
        counts = Confusion.of(labels, decisions, weights)
        return {"auroc": ranking.auroc(weights), "sensitivity": counts.sensitivity, "specificity": counts.specificity}

    return metrics


def ranking_metrics(ranking: Ranking, weights: Weights | None = None) -> dict[str, ResampleValues]:
    """Return the threshold-free metrics by name, each of shape (resamples,)."""
    return {"auroc": ranking.auroc(weights), "average_precision": ranking.average_precision(weights)}


def calibration_metrics(
    labels: Labels, logits: Scores, weights: Weights | None = None, slope: ResampleValues | None = None
) -> dict[str, ResampleValues]:
    """Return the calibration metrics by name, each of shape (resamples,).

    Args:
        labels: 0 or 1, shape (images,).
        logits: Log-odds of the probabilities, shape (images,).
        weights: How often each image counts, shape (resamples, images); by default once.
        slope: The calibration slope if already known: that of logits / t is t times that of the logits.
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    probability = probability_of(logits, 1.0)
    return {
        "brier": divide(weights @ (probability - labels) ** 2, weights.sum(axis=1)),
        "ece": expected_calibration_error(labels, probability, weights),
        "calibration_slope": calibration_slope(labels, logits, weights) if slope is None else slope,
        "calibration_intercept": calibration_intercept(labels, logits, weights),
    }


def class_indices(names: Sequence[str], class_names: Sequence[str]) -> Labels:
    """Return the class index of each class name, shape (images,)."""
    return np.array([class_names.index(name) for name in names], dtype=np.int64)


def _ratio(share: ResampleValues, other: ResampleValues) -> ResampleValues:
    """Divide; infinite where only the divisor is zero, NaN where both are."""
    return np.where((other == 0) & (share > 0), np.inf, divide(share, other))
