"""DeLong's interval of an AUROC, and test of two AUROCs on the same images."""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri  # scipy.stats takes much longer to import

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.resampling import LEVEL, Estimate


def delong(labels: Labels, scores: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute AUROCs and their covariance from the placements of each class among the other.

    DeLong et al., Biometrics 44 (1988) 837. Images are treated as independent, so the variance is too small if patients
    have several images.

    Args:
        labels: 0 or 1, shape (images,).
        scores: Shape (models, images), higher for positive.

    Returns:
        AUROCs of shape (models,), NaN if a class has no image, and their covariance of shape (models, models), NaN if a
        class has fewer than two images.
    """
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    m, n, models = positive.shape[1], negative.shape[1], len(scores)
    undefined = np.full((models, models), np.nan)
    if not m or not n:
        return undefined[0], undefined
    below, above = _share_below(positive, negative), 1 - _share_below(negative, positive)
    if m < 2 or n < 2:
        return below.mean(axis=1), undefined
    return below.mean(axis=1), np.atleast_2d(np.cov(below)) / m + np.atleast_2d(np.cov(above)) / n


def delong_interval(labels: Labels, scores: Scores) -> Estimate:
    """Return the AUROC with DeLong's 95% interval, clipped to 0 and 1."""
    auroc, covariance = delong(labels, scores[None])
    value, variance = float(auroc[0]), float(covariance[0, 0])
    if np.isnan(value):
        return Estimate(None, reason="not defined: a class is absent")
    if not variance > 0:
        return Estimate(value, reason="no variance to estimate an interval from")
    half = float(ndtri((1 + LEVEL) / 2) * np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def delong_p_value(labels: Labels, first: Scores, second: Scores) -> float | None:
    """Test whether two models have equal AUROCs on the same images.

    Returns:
        Two-sided p-value; 1 if both rank the images the same, None if not defined.
    """
    auroc, covariance = delong(labels, np.stack([first, second]))
    difference = float(auroc[0] - auroc[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if np.isnan(difference) or np.isnan(variance):
        return None
    if variance <= 1e-15:
        return 1.0 if abs(difference) < 1e-12 else None
    return float(2 * ndtr(-abs(difference) / np.sqrt(variance)))


def _share_below(scores: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of `others` below each score, ties counting one half; both of shape (models, images)."""
    rows = zip(scores, np.sort(others, axis=1), strict=True)
    counts = [np.searchsorted(own, row, "left") + np.searchsorted(own, row, "right") for row, own in rows]
    shares: npt.NDArray[np.float64] = np.array(counts) / 2 / others.shape[1]
    return shares
