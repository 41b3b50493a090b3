"""ROC, precision-recall, decision and threshold curves, with bands over resamples of patients."""

from dataclasses import dataclass

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.ranking import PositiveCounts, Ranking, divide
from xray.evaluation.resampling import LEVEL, Patients

GRID = np.linspace(0, 1, 201)
BAND_RESAMPLES = 1000
"""Fewer than for a metric: a band is looked at, not quoted."""
BAND_THRESHOLDS = 1000


@dataclass(frozen=True)
class Band:
    """Pointwise 95% band of a curve: 2.5th and 97.5th percentile at each point of `GRID`."""

    low: Scores
    high: Scores


def roc_points(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    """Return false positive rate and sensitivity at each threshold, ascending; each of shape (thresholds,)."""
    counts = Ranking.of(labels, scores).positive_counts()
    return counts.false_positive_rate[0], counts.sensitivity[0]


def precision_recall_points(labels: Labels, scores: Scores) -> tuple[Scores, Scores]:
    """Return recall and precision at each threshold, recall ascending; each of shape (thresholds,)."""
    counts = Ranking.of(labels, scores).positive_counts()
    return counts.sensitivity[0, 1:], counts.precision[0, 1:]


def bands(labels: Labels, scores: Scores, patients: Patients, resamples: int = BAND_RESAMPLES) -> tuple[Band, Band]:
    """Return the bands of the ROC curve (sensitivity over false positive rate) and of precision over recall.

    Pointwise percentiles over `GRID` of resampled curves (vertical averaging: Fawcett, Pattern Recognition Letters 27
    (2006) 861).

    Raises:
        ValueError: A class is absent.
    """
    if len(set(labels.tolist())) < 2:
        raise ValueError("bands need images of both classes")
    ranking = Ranking.of(labels, scores).thin(BAND_THRESHOLDS)
    roc, precision_recall = [], []
    for weights in patients.resample(resamples):
        counts = ranking.positive_counts(weights)
        precision, sensitivity = _filled_precision(counts), counts.sensitivity
        for i, rate in enumerate(counts.false_positive_rate):
            # On a vertical step take the upper end; between tied scores interpolate linearly.
            roc.append(np.interp(GRID + 1e-12, rate, sensitivity[i]))
            precision_recall.append(
                precision[i, np.minimum(np.searchsorted(sensitivity[i], GRID - 1e-12), len(rate) - 1)]
            )
    return _band(np.array(roc)), _band(np.array(precision_recall))


def net_benefit(labels: Labels, probability: Scores, thresholds: Scores) -> tuple[Scores, Scores]:
    """Net benefit of treating by the model, and of treating all (Vickers and Elkin, Medical Decision Making 26 (2006)).

    True positives per image minus false positives per image weighted by the odds of the threshold; treating none has 0.
    Thresholds are the lowest probabilities to treat, below 1; all three arrays have the shape (thresholds,).
    """
    odds = thresholds / (1 - thresholds)
    treated = probability[None] >= thresholds[:, None]
    model = (treated & (labels == 1)).mean(axis=1) - odds * (treated & (labels == 0)).mean(axis=1)
    return model, labels.mean() - odds * (1 - labels.mean())


def rates_by_threshold(labels: Labels, probability: Scores, thresholds: Scores) -> tuple[Scores, Scores]:
    """Return sensitivity and specificity at each threshold, each of shape (thresholds,); NaN if a class is absent."""
    predicted_positive = probability[None] >= thresholds[:, None]
    positives, negatives = labels == 1, labels == 0
    shares = [
        divide((outcome & group).sum(axis=1), np.array([group.sum()]))
        for outcome, group in ((predicted_positive, positives), (~predicted_positive, negatives))
    ]
    return shares[0], shares[1]


def _filled_precision(counts: PositiveCounts) -> Scores:
    """Return precision with leading NaNs replaced by the first defined value, shape (resamples, thresholds)."""
    precision = counts.precision
    first = np.argmax(np.isfinite(precision), axis=1)
    filler = precision[np.arange(len(precision)), first][:, None]
    return np.where(np.isfinite(precision), precision, filler)


def _band(curves: Scores) -> Band:
    low, high = np.quantile(curves, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Band(low, high)
