"""DeLong's interval of an AUROC, and test of two AUROCs on the same images."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray.evaluation.ranking import Labels, Scores
from xray.evaluation.resampling import LEVEL, Estimate


@dataclass(frozen=True)
class DeLong:
    """AUROCs of several models on the same images, with their covariance.

    Args:
        auroc: Shape (models,).
        covariance: Shape (models, models).
    """

    auroc: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]

    @classmethod
    def of(cls, labels: Labels, scores: npt.NDArray[np.float64]) -> "DeLong":
        """Compute by ranks (DeLong et al., Biometrics 44 (1988) 837; Sun and Xu, 2014).

        Images are treated as independent, so the variance is too small if patients have several images.

        Args:
            labels: 0 or 1, shape (images,).
            scores: Shape (models, images), higher for positive.

        Returns:
            NaN if a class has no image; NaN covariance if a class has only one image.
        """
        positive, negative = scores[:, labels == 1], scores[:, labels == 0]
        m, n = positive.shape[1], negative.shape[1]
        if not m or not n:
            models = len(scores)
            return cls(np.full(models, np.nan), np.full((models, models), np.nan))
        from scipy.stats import rankdata

        # Share of negatives below each positive, and of positives above each negative.
        among_all = rankdata(np.hstack([positive, negative]), axis=1)
        below = (among_all[:, :m] - rankdata(positive, axis=1)) / n
        above = 1 - (among_all[:, m:] - rankdata(negative, axis=1)) / m
        auroc = below.mean(axis=1)
        if m < 2 or n < 2:
            return cls(auroc, np.full((len(scores), len(scores)), np.nan))
        return cls(auroc, np.atleast_2d(np.cov(below)) / m + np.atleast_2d(np.cov(above)) / n)


def delong_interval(labels: Labels, scores: Scores) -> Estimate:
    """Return the AUROC with DeLong's 95% interval, clipped to 0 and 1."""
    delong = DeLong.of(labels, scores[None])
    value, variance = float(delong.auroc[0]), float(delong.covariance[0, 0])
    if np.isnan(value):
        return Estimate(None, reason="not defined: a class is absent")
    if not variance > 0:
        return Estimate(value, reason="no variance to estimate an interval from")
    half = _normal_quantile((1 + LEVEL) / 2) * float(np.sqrt(variance))
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def delong_p_value(labels: Labels, first: Scores, second: Scores) -> float | None:
    """Test whether two models have equal AUROCs on the same images.

    Returns:
        Two-sided p-value; 1 if both rank the images the same, None if not defined.
    """
    delong = DeLong.of(labels, np.stack([first, second]))
    difference = float(delong.auroc[0] - delong.auroc[1])
    variance = float(delong.covariance[0, 0] + delong.covariance[1, 1] - 2 * delong.covariance[0, 1])
    if np.isnan(difference) or np.isnan(variance):
        return None
    if variance <= 1e-15:
        return 1.0 if abs(difference) < 1e-12 else None
    from scipy.stats import norm

    return float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


def _normal_quantile(share: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(share))
