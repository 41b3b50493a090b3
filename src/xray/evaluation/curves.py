"""Curves of an evaluation, with bands over resamples of patients; functions on arrays."""

from dataclasses import dataclass

import numpy as np

from xray.evaluation.ranking import Called, Labels, Ranking, Scores, divide
from xray.evaluation.resampling import LEVEL, Patients

GRID = np.linspace(0, 1, 201)
BAND_RESAMPLES = 1000
"""A band needs fewer than a figure: it is looked at, not quoted."""
BAND_THRESHOLDS = 1000


@dataclass(frozen=True)
class Band:
    """A curve over `GRID` between its 2.5th and 97.5th percentile at each place."""

    low: Scores
    high: Scores


def roc_points(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    """False positive rate and sensitivity at each threshold, ascending; each of shape (thresholds,)."""
    called = Ranking.of(labels, scores).called()
    return called.false_positive_rate[0], called.sensitivity[0]


def precision_recall_points(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    """Recall and precision at each threshold, recall ascending; each of shape (thresholds,)."""
    called = Ranking.of(labels, scores).called()
    return called.sensitivity[0, 1:], called.precision[0, 1:]


def bands(labels: Labels, scores: Scores, patients: Patients, resamples: int = BAND_RESAMPLES) -> tuple[Band, Band]:
    """Bands of the ROC curve (sensitivity over false positive rate) and of precision over recall, both over `GRID`.

    Pointwise percentiles of resampled curves, averaged vertically (Fawcett, Pattern Recognition Letters 27 (2006) 861).

    Raises:
        ValueError: A class is absent.
    """
    if len(set(labels.tolist())) < 2:
        raise ValueError("bands need images of both classes")
    ranking = Ranking.of(labels, scores).thinned(BAND_THRESHOLDS)
    roc, precision_recall = [], []
    for weights in patients.resample(resamples):
        called = ranking.called(weights)
        precision, sensitivity = _envelope(called), called.sensitivity
        for i, rate in enumerate(called.false_positive_rate):
            # Where the curve rises upright its upper end counts; where scores are equal it runs straight.
            roc.append(np.interp(GRID + 1e-12, rate, sensitivity[i]))
            precision_recall.append(
                precision[i, np.minimum(np.searchsorted(sensitivity[i], GRID - 1e-12), len(rate) - 1)]
            )
    return _band(np.array(roc)), _band(np.array(precision_recall))


def net_benefit(labels: Labels, probability: Scores, thresholds: Scores) -> tuple[Scores, Scores]:
    """Net benefit of treating by the model, and of treating all (Vickers and Elkin, Medical Decision Making 26 (2006)).

    True positives per image, less false positives weighed by the odds of the threshold; treating none has zero.

    Args:
        labels: 0 or 1, shape (images,).
        probability: From 0 to 1, shape (images,).
        thresholds: Probabilities from which one would treat, below 1, shape (thresholds,).

    Returns:
        Two arrays of shape (thresholds,).
    """
    odds = thresholds / (1 - thresholds)
    treated = probability[None] >= thresholds[:, None]
    model = (treated & (labels == 1)).mean(axis=1) - odds * (treated & (labels == 0)).mean(axis=1)
    return model, labels.mean() - odds * (1 - labels.mean())


def by_threshold(labels: Labels, probability: Scores, thresholds: Scores) -> tuple[Scores, Scores]:
    """Sensitivity and specificity at each threshold, each of shape (thresholds,); NaN where a class is absent."""
    called = probability[None] >= thresholds[:, None]
    positives, negatives = labels == 1, labels == 0
    shares = [
        divide((outcome & group).sum(axis=1), np.array([group.sum()]))
        for outcome, group in ((called, positives), (~called, negatives))
    ]
    return shares[0], shares[1]


def _envelope(called: Called) -> Scores:
    """Precision at each threshold, and at none the precision of the first image called; (resamples, thresholds)."""
    precision = called.precision
    first = np.argmax(np.isfinite(precision), axis=1)
    filler = precision[np.arange(len(precision)), first][:, None]
    return np.where(np.isfinite(precision), precision, filler)


def _band(curves: Scores) -> Band:
    low, high = np.quantile(curves, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Band(low, high)
