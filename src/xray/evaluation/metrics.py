"""Figures of a binary test from labels, scores and a threshold; functions on arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve: the share of positive-negative pairs in the right order, ties counting one half.

    Mann and Whitney, Annals of Mathematical Statistics 18 (1947) 50-60.

    Args:
        labels: 0 or 1, shape (n,).
        scores: Any scale, higher for positive, shape (n,).

    Returns:
        From 0 to 1; NaN where a class is absent, or a score is no number.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives or np.isnan(scores).any():
        return float("nan")
    # Mean rank within ties: half way through the run of equal scores.
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: Labels, scores: Scores) -> float:
    """Precision averaged over the steps of recall, without interpolation (Davis and Goadrich, ICML 2006).

    Args:
        labels: 0 or 1, shape (n,).
        scores: Any scale, higher for positive, shape (n,).

    Returns:
        From 0 to 1; NaN where there is no positive, or a score is no number.
    """
    positives = int(labels.sum())
    if not positives or np.isnan(scores).any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    # One step for each different score, so that the order within ties does not matter.
    last_of_tie = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(labels[order])[last_of_tie]
    precision, recall = hits / (last_of_tie + 1), hits / positives
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


@dataclass(frozen=True)
class Confusion:
    """Counts of decisions: true and false, positive and negative."""

    tp: int
    fp: int
    fn: int
    tn: int

    @classmethod
    def of(cls, labels: Labels, decisions: Labels) -> "Confusion":
        """Count decisions 0 or 1 against labels 0 or 1, both of shape (n,)."""
        pairs = np.bincount(2 * labels + decisions, minlength=4)
        tn, fp, fn, tp = (int(count) for count in pairs)
        return cls(tp, fp, fn, tn)

    @property
    def sensitivity(self) -> float:
        """Share of positives found."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of negatives left alone."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        return _ratio(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and sensitivity."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def summarise(labels: Labels, logits: Scores, decisions: Labels) -> dict[str, Any]:
    """The figures of one table.

    Args:
        labels: 0 or 1, shape (n,).
        logits: Raw outputs of the network; ranking by them has fewer ties than by probabilities.
        decisions: 0 or 1, shape (n,).

    Returns:
        Figure by name; None for a figure that is not defined, for example the AUROC of one class.
    """
    confusion = Confusion.of(labels, decisions)
    figures = {
        "auroc": auroc(labels, logits),
        "average_precision": average_precision(labels, logits),
        "accuracy": confusion.accuracy,
        "balanced_accuracy": confusion.balanced_accuracy,
        "sensitivity": confusion.sensitivity,
        "specificity": confusion.specificity,
        "f1": confusion.f1,
    }
    return {name: None if np.isnan(value) else value for name, value in figures.items()} | {
        "confusion_matrix": {"tp": confusion.tp, "fp": confusion.fp, "fn": confusion.fn, "tn": confusion.tn}
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
