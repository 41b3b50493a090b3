"""Images in order of their score: what AUROC, average precision and all curves are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
"""0 or 1, shape (images,)."""
Scores = npt.NDArray[np.float64]
"""Any scale, higher for positive, shape (images,)."""
Weights = npt.NDArray[np.float64]
"""How often each image counts, shape (resamples, images)."""
Values = npt.NDArray[np.float64]
"""One value for each resample, shape (resamples,); NaN where it is not defined."""
Features = npt.NDArray[np.float64]
"""What describes each image, shape (images, features)."""


@dataclass(frozen=True)
class Ranking:
    """Images from the highest score to the lowest; images of one score cannot be parted.

    Args:
        labels: Labels in that order, shape (images,).
        order: Position of each of them in the table, shape (images,).
        ends: Where each run of equal scores ends, shape (distinct scores,).
        scores: The distinct scores, descending, shape (distinct scores,).
    """

    labels: Labels
    order: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    scores: Scores

    @classmethod
    def of(cls, labels: Labels, scores: Scores) -> "Ranking":
        """Rank images by their scores, which must be numbers."""
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)[: len(ranked)]
        return cls(labels[order], order, ends, ranked[ends])

    def thinned(self, most: int) -> "Ranking":
        """The same images with at most so many thresholds, two or more, evenly spaced among them; for drawing."""
        kept = np.unique(np.linspace(0, len(self.ends) - 1, most).round().astype(np.int64))[: len(self.ends)]
        return Ranking(self.labels, self.order, self.ends[kept], self.scores[kept])

    def called(self, weights: Weights | None = None) -> "Called":
        """How many images each threshold calls positive, from the one that calls none to the one that calls all.

        Args:
            weights: How often each image of the table counts; by default once, in one resample.
        """
        ranked = np.ones((1, len(self.order))) if weights is None else weights[:, self.order]
        start = np.zeros((len(ranked), 1))
        every = np.cumsum(ranked, axis=1)[:, self.ends]
        true = np.cumsum(ranked * self.labels, axis=1)[:, self.ends]
        return Called(np.hstack([start, true]), np.hstack([start, every - true]))

    def auroc(self, weights: Weights | None = None) -> Values:
        """Area under the ROC curve: the share of positive-negative pairs in the right order, a tie counting one half.

        The Mann-Whitney statistic over the number of pairs (Annals of Mathematical Statistics 18 (1947) 50-60), which
        is the area by the trapezoidal rule. NaN where a class is absent.

        Args:
            weights: How often each image of the table counts; by default once, in one resample.
        """
        positives, false = self._of_class(1, weights), _cumulated(self._of_class(0, weights))
        above, up_to = self._negatives
        wrong = false[:, above] if (above == up_to).all() else (false[:, above] + false[:, up_to]) / 2
        pairs = positives.sum(axis=1) * false[:, -1]
        return 1 - divide(np.einsum("ij,ij->i", positives, wrong), pairs)

    def average_precision(self, weights: Weights | None = None) -> Values:
        """Precision averaged over the steps of recall, without interpolation (Davis and Goadrich, ICML 2006).

        NaN where there is no positive.

        Args:
            weights: How often each image of the table counts; by default once, in one resample.
        """
        positives, false = self._of_class(1, weights), _cumulated(self._of_class(0, weights))
        true = _cumulated(positives)
        found = true[:, self._positives]
        called = found + false[:, self._negatives[1]]
        # Leading images of no weight call nothing: their precision is not defined, and their step is zero.
        precision = np.divide(found, called, out=np.zeros_like(called), where=called > 0)
        return divide(np.einsum("ij,ij->i", positives, precision), true[:, -1])

    def _of_class(self, label: int, weights: Weights | None) -> Weights:
        """Weights of the images of one class, in order."""
        images = self.order[self.labels == label]
        return np.ones((1, len(images))) if weights is None else weights[:, images]

    @cached_property
    def _negatives(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each positive in order, the number of negatives above its score, and down to its score."""
        passed = np.append(0, np.cumsum(self.labels == 0))
        run = np.searchsorted(self.ends, np.flatnonzero(self.labels == 1))
        return passed[np.append(0, self.ends + 1)][run], passed[self.ends + 1][run]

    @cached_property
    def _positives(self) -> npt.NDArray[np.int64]:
        """For each positive in order, the number of positives down to its score."""
        run = np.searchsorted(self.ends, np.flatnonzero(self.labels == 1))
        return np.cumsum(self.labels)[self.ends][run]


@dataclass(frozen=True)
class Called:
    """Images called positive at each threshold, as the threshold falls from above all scores to the lowest one.

    Args:
        true: Positives among them, shape (resamples, thresholds).
        false: Negatives among them, same shape.
    """

    true: npt.NDArray[np.float64]
    false: npt.NDArray[np.float64]

    @property
    def sensitivity(self) -> npt.NDArray[np.float64]:
        """Share of the positives called, shape (resamples, thresholds)."""
        return divide(self.true, self.true[:, -1:])

    @property
    def false_positive_rate(self) -> npt.NDArray[np.float64]:
        """Share of the negatives called, shape (resamples, thresholds)."""
        return divide(self.false, self.false[:, -1:])

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Share of positives among the images called, shape (resamples, thresholds); NaN where none is called."""
        return divide(self.true, self.true + self.false)


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve of one table, from 0 to 1; see `Ranking.auroc`.

    NaN where a class is absent, or a score is no number.
    """
    return _of_numbers(labels, scores, Ranking.auroc)


def average_precision(labels: Labels, scores: Scores) -> float:
    """Average precision of one table, from 0 to 1; see `Ranking.average_precision`.

    NaN where there is no positive, or a score is no number.
    """
    return _of_numbers(labels, scores, Ranking.average_precision)


def _cumulated(weights: Weights) -> Weights:
    """Sums of the first 0, 1, 2 ... images, shape (resamples, images + 1)."""
    sums = np.zeros((len(weights), 1 + weights.shape[1]))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums


def _of_numbers(labels: Labels, scores: Scores, area: Callable[[Ranking], Values]) -> float:
    if not len(labels) or np.isnan(scores).any():
        return float("nan")
    return float(area(Ranking.of(labels, scores))[0])


def divide(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Quotient of arrays; NaN where the divisor is zero."""
    part, whole = np.broadcast_arrays(part, whole)
    quotient: npt.NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
    return quotient
