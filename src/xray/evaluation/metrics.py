"""What the metrics of a binary classifier are computed from, for a table or for many resamples of it at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.calibration import calibration_slope
from xray.evaluation.ranking import Ranking, divide
from xray.evaluation.scaling import Scaling

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


@dataclass(frozen=True)
class ScoredImages:
    """What a metric is computed from: the labels of some images, and a model's answers.

    Args:
        labels: 0 or 1, shape (images,).
        logits: Raw outputs, before scaling, shape (images,).
        decisions: 0 or 1, shape (images,).
        scaling: Of logits to probabilities.
    """

    labels: Labels
    logits: Scores
    decisions: Labels
    scaling: Scaling = Scaling()  # noqa: RUF009 - frozen

    @cached_property
    def ranking(self) -> Ranking:
        """The images in the order of their logits."""
        return Ranking.of(self.labels, self.logits)

    @cached_property
    def scaled_logits(self) -> Scores:
        """Log-odds of the calibrated probabilities."""
        return self.scaling.scale(self.logits)

    @cached_property
    def probability(self) -> Scores:
        """Calibrated probability of the positive class."""
        return self.scaling.probability(self.logits)


@dataclass(frozen=True)
class Resamples:
    """Many resamples of some images at once, with what several metrics share.

    Args:
        images: The images.
        weights: How often each counts, shape (resamples, images).
        scaled: The same resamples with another scaling, whose slope is then not fitted again.
    """

    images: ScoredImages
    weights: Weights
    scaled: "Resamples | None" = None

    @cached_property
    def confusion(self) -> Confusion:
        """True and false positives and negatives."""
        return Confusion.of(self.images.labels, self.images.decisions, self.weights)

    @cached_property
    def slope(self) -> ResampleValues:
        """Calibration slope of the raw logits; that of logits / t is t times as much."""
        if self.scaled is not None:
            return self.scaled.slope
        return calibration_slope(self.images.labels, self.images.logits, self.weights)

    @cached_property
    def before_scaling(self) -> "Resamples":
        """The same resamples without scaling."""
        return Resamples(replace(self.images, scaling=Scaling()), self.weights, self)


def main_metrics(labels: Labels, scores: Scores, decisions: Labels) -> Callable[[Weights], dict[str, ResampleValues]]:
    """Return a function from weights to AUROC, sensitivity and specificity by name, each of shape (resamples,)."""
    ranking = Ranking.of(labels, scores)

    def metrics(weights: Weights) -> dict[str, ResampleValues]:
        counts = Confusion.of(labels, decisions, weights)
        return {"auroc": ranking.auroc(weights), "sensitivity": counts.sensitivity, "specificity": counts.specificity}

    return metrics


def class_indices(names: Sequence[str], class_names: Sequence[str]) -> Labels:
    """Return the class index of each class name, shape (images,)."""
    return np.array([class_names.index(name) for name in names], dtype=np.int64)


def _ratio(share: ResampleValues, other: ResampleValues) -> ResampleValues:
    """Divide; infinite where only the divisor is zero, NaN where both are."""
    return np.where((other == 0) & (share > 0), np.inf, divide(share, other))
