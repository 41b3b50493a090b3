"""Images ranked by score: AUROC, average precision, and counts at each threshold."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights


@dataclass(frozen=True)
class Ranking:
    """Images from the highest score to the lowest; images with equal scores share a threshold.

    Args:
        labels: Labels in that order, shape (images,).
        order: Row of each of them in the table, shape (images,).
        ends: Index of the last image of each run of equal scores, shape (distinct scores,).
        scores: The distinct scores, descending, shape (distinct scores,).
    """

    labels: Labels
    order: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    scores: Scores

    @classmethod
    def of(cls, labels: Labels, scores: Scores) -> "Ranking":
        """Rank images by their scores, which must not be NaN."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)[: len(ranked)]
        return cls(labels[order], order, ends, ranked[ends])

    def thin(self, max_thresholds: int) -> "Ranking":
        """Return the same images with at most `max_thresholds` (2 or more) evenly spaced thresholds, for drawing."""
        kept = np.linspace(0, len(self.ends) - 1, max_thresholds).round().astype(np.int64)
        kept = np.unique(kept)[: len(self.ends)]
        return Ranking(self.labels, self.order, self.ends[kept], self.scores[kept])

    def positive_counts(self, weights: Weights | None = None) -> "PositiveCounts":
        """Count the images predicted positive at each threshold, from the one that selects none to the lowest score."""
        ranked = np.ones((1, len(self.order))) if weights is None else weights[:, self.order]
        start = np.zeros((len(ranked), 1))
        total = np.cumsum(ranked, axis=1)[:, self.ends]
        true = np.cumsum(ranked * self.labels, axis=1)[:, self.ends]
        return PositiveCounts(np.hstack([start, true]), np.hstack([start, total - true]))

    def auroc(self, weights: Weights | None = None) -> ResampleValues:
        """Area under the ROC curve: share of positive-negative pairs in the correct order, ties counting one half.

        The Mann-Whitney statistic over the number of pairs (Annals of Mathematical Statistics 18 (1947) 50-60), equal
        to the area by the trapezoidal rule. NaN if a class is absent.
        """
        positives, false = self._class_weights(1, weights), _cumulative(self._class_weights(0, weights))
        above, down_to = self._negatives
        wrong = false[:, above] if (above == down_to).all() else (false[:, above] + false[:, down_to]) / 2
        pairs = positives.sum(axis=1) * false[:, -1]
        return 1 - divide(np.einsum("ij,ij->i", positives, wrong), pairs)

    def average_precision(self, weights: Weights | None = None) -> ResampleValues:
        """Average precision over the steps of recall, without interpolation (Davis and Goadrich, ICML 2006).

        NaN if there is no positive.
        """
        positives, false = self._class_weights(1, weights), _cumulative(self._class_weights(0, weights))
        cumulative = _cumulative(positives)
        true = cumulative[:, self._positives]
        selected = true + false[:, self._negatives[1]]
        # Before the first image of non-zero weight precision is not defined, and the step of recall is zero.
        precision = np.divide(true, selected, out=np.zeros_like(selected), where=selected > 0)
        return divide(np.einsum("ij,ij->i", positives, precision), cumulative[:, -1])

    def _class_weights(self, label: int, weights: Weights | None) -> Weights:
        """Return the weights of the images of one class, in ranking order."""
        images = self.order[self.labels == label]
        return np.ones((1, len(images))) if weights is None else weights[:, images]

    @cached_property
    def _negatives(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each positive in order, the number of negatives with a higher score, and with a higher or equal score."""
        counts = np.append(0, np.cumsum(self.labels == 0))
        run = np.searchsorted(self.ends, np.flatnonzero(self.labels == 1))
        return counts[np.append(0, self.ends + 1)][run], counts[self.ends + 1][run]

    @cached_property
    def _positives(self) -> npt.NDArray[np.int64]:
        """For each positive in order, the number of positives with a higher or equal score."""
        run = np.searchsorted(self.ends, np.flatnonzero(self.labels == 1))
        return np.cumsum(self.labels)[self.ends][run]


@dataclass(frozen=True)
class PositiveCounts:
    """Images predicted positive at each threshold, from above the highest score down to the lowest score.

    Args:
        true: True positives, shape (resamples, thresholds).
        false: False positives, same shape.
    """

    true: npt.NDArray[np.float64]
    false: npt.NDArray[np.float64]

    @property
    def sensitivity(self) -> npt.NDArray[np.float64]:
        """True-positive rate, shape (resamples, thresholds)."""
        return divide(self.true, self.true[:, -1:])

    @property
    def false_positive_rate(self) -> npt.NDArray[np.float64]:
        """False-positive rate, shape (resamples, thresholds)."""
        return divide(self.false, self.false[:, -1:])

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Share of true among predicted positives, shape (resamples, thresholds); NaN where none is predicted."""
        return divide(self.true, self.true + self.false)


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve of one table, from 0 to 1; see `Ranking.auroc`.

    NaN if a class is absent or a score is NaN.
    """
    return _area_or_nan(labels, scores, Ranking.auroc)


def average_precision(labels: Labels, scores: Scores) -> float:
    """Average precision of one table, from 0 to 1; see `Ranking.average_precision`.

    NaN if there is no positive or a score is NaN.
    """
    return _area_or_nan(labels, scores, Ranking.average_precision)


def _cumulative(weights: Weights) -> Weights:
    """Return the sums of the first 0, 1, 2 ... images, shape (resamples, images + 1)."""
    sums = np.zeros((len(weights), 1 + weights.shape[1]))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def _area_or_nan(labels: Labels, scores: Scores, area: Callable[[Ranking], ResampleValues]) -> float:
    if not len(labels) or np.isnan(scores).any():
        return float("nan")
    return float(area(Ranking.of(labels, scores))[0])


def divide(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divide arrays; NaN where the divisor is zero."""
    part, whole = np.broadcast_arrays(part, whole)
    quotient: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
    return quotient
