"""Figures of a binary test, for a table or for many resamples of it at once; functions on arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xray.evaluation.calibration import (
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    probability_of,
)
from xray.evaluation.ranking import Labels, Ranking, Scores, Values, Weights, divide

PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""At which predictive values are told: that of the test images is nobody's waiting room."""


@dataclass(frozen=True)
class Confusion:
    """Counts of decisions: true and false, positive and negative; each of shape (resamples,)."""

    tp: Values
    fp: Values
    fn: Values
    tn: Values

    @classmethod
    def of(cls, labels: Labels, decisions: Labels, weights: Weights | None = None) -> "Confusion":
        """Count decisions 0 or 1 against labels 0 or 1, both of shape (images,); by default each image once."""
        cells = np.eye(4)[2 * labels + decisions]
        counts = cells.sum(axis=0, keepdims=True) if weights is None else weights @ cells
        tn, fp, fn, tp = counts.T
        return cls(tp, fp, fn, tn)

    @property
    def sensitivity(self) -> Values:
        """Share of positives found."""
        return divide(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> Values:
        """Share of negatives left alone."""
        return divide(self.tn, self.tn + self.fp)

    @property
    def accuracy(self) -> Values:
        """Share of right decisions."""
        return divide(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def balanced_accuracy(self) -> Values:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> Values:
        """Harmonic mean of precision and sensitivity."""
        return divide(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def mcc(self) -> Values:
        """Matthews' correlation of label and decision, from -1 to 1 (Biochimica et Biophysica Acta 405 (1975) 442)."""
        product = (self.tp + self.fp) * (self.tp + self.fn) * (self.tn + self.fp) * (self.tn + self.fn)
        return divide(self.tp * self.tn - self.fp * self.fn, np.sqrt(product))

    @property
    def positive_likelihood_ratio(self) -> Values:
        """Sensitivity over 1 - specificity; infinite where no negative, but some positive, is called positive."""
        return _ratio(self.sensitivity, divide(self.fp, self.tn + self.fp))

    @property
    def negative_likelihood_ratio(self) -> Values:
        """1 - sensitivity over specificity; infinite where no negative, but some positive, is called negative."""
        return _ratio(divide(self.fn, self.tp + self.fn), self.specificity)

    def positive_predictive_value(self, prevalence: float) -> Values:
        """Share of positives among the images called positive, where positives have this prevalence (Bayes)."""
        true = self.sensitivity * prevalence
        return divide(true, true + (1 - self.specificity) * (1 - prevalence))

    def negative_predictive_value(self, prevalence: float) -> Values:
        """Share of negatives among the images called negative, where positives have this prevalence (Bayes)."""
        true = self.specificity * (1 - prevalence)
        return divide(true, true + (1 - self.sensitivity) * prevalence)


def decision_figures(labels: Labels, decisions: Labels, weights: Weights | None = None) -> dict[str, Values]:
    """Figures of decisions 0 or 1; each of shape (resamples,)."""
    confusion = Confusion.of(labels, decisions, weights)
    names = ("sensitivity", "specificity", "balanced_accuracy", "accuracy", "mcc", "f1")
    ratios = ("positive_likelihood_ratio", "negative_likelihood_ratio")
    return {name: getattr(confusion, name) for name in (*names, *ratios)} | {
        f"{name}_at_{prevalence:g}": getattr(confusion, value)(prevalence)
        for prevalence in PREVALENCES
        for name, value in (("ppv", "positive_predictive_value"), ("npv", "negative_predictive_value"))
    }


def ranking_figures(ranking: Ranking, weights: Weights | None = None) -> dict[str, Values]:
    """Figures that no threshold enters; each of shape (resamples,)."""
    return {"auroc": ranking.auroc(weights), "average_precision": ranking.average_precision(weights)}


def calibration_figures(
    labels: Labels, logits: Scores, weights: Weights | None = None, slope: Values | None = None
) -> dict[str, Values]:
    """How far probabilities are to be taken at their word; each of shape (resamples,).

    Args:
        labels: 0 or 1, shape (images,).
        logits: Log-odds of the probabilities, shape (images,).
        weights: How often each image counts; by default once.
        slope: The calibration slope where it is known already: that of logits / t is t times that of logits.
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    probability = probability_of(logits, 1.0)
    return {
        "brier": divide(weights @ (probability - labels) ** 2, weights.sum(axis=1)),
        "ece": expected_calibration_error(labels, probability, weights),
        "calibration_slope": calibration_slope(labels, logits, weights) if slope is None else slope,
        "calibration_intercept": calibration_intercept(labels, logits, weights),
    }


def as_numbers(names: Sequence[str], class_names: Sequence[str]) -> Labels:
    """Class numbers of class names, shape (images,)."""
    return np.array([class_names.index(name) for name in names], dtype=np.int64)


def _ratio(share: Values, other: Values) -> Values:
    """Quotient of shares, infinite where only the divisor is zero and NaN where both are."""
    return np.where((other == 0) & (share > 0), np.inf, divide(share, other))
