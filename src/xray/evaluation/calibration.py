"""Calibration metrics."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.ranking import divide

BINS = 10
"""Bins of equal width from 0 to 1, for the reliability diagram and the expected calibration error."""
MAX_STEPS = 100
"""Newton's method needs about 6 steps, or about 50 if it has to halve them."""
TOLERANCE = 1e-3
"""Largest change of the log-odds at convergence; the error that remains is about its square."""
MAX_LOG_ODDS = 300.0
"""Larger log-odds are clipped: their exponential might overflow, and no probability differs at this size."""


def probability_of(log_odds: Scores) -> Scores:
    """Return the sigmoid, exact also where it is close to 0."""
    return np.exp(-np.logaddexp(0.0, -log_odds))


def expected_calibration_error(labels: Labels, probability: Scores, weights: Weights | None = None) -> ResampleValues:
    """Expected calibration error (Guo et al., 2017) over `BINS` bins of equal width.

    The mean absolute difference of predicted and observed share of positives, 0 to 1. Resampling biases it upwards, so
    its percentiles are not a valid interval.
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    members = np.eye(BINS)[bin_indices(probability)]
    gaps = np.abs(weights @ (members * (labels - probability)[:, None])).sum(axis=1)
    return divide(gaps, weights.sum(axis=1))


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability diagram: number of images, mean probability, and observed share of positives."""

    low: float
    high: float
    images: int
    probability: float
    observed: float


def reliability_bins(labels: Labels, probability: Scores) -> list[Bin]:
    """Return the non-empty bins in ascending order; see `BINS`."""
    bins = bin_indices(probability)
    return [
        Bin(
            b / BINS, (b + 1) / BINS, int(inside.sum()), float(probability[inside].mean()), float(labels[inside].mean())
        )
        for b in range(BINS)
        if (inside := bins == b).any()
    ]


def bin_indices(probability: Scores) -> npt.NDArray[np.int64]:
    """Return the bin index of each image, shape (images,); a bin includes its lower edge, the last one also 1."""
    return np.minimum((probability * BINS).astype(np.int64), BINS - 1)


def calibration_slope(labels: Labels, logits: Scores, weights: Weights | None = None) -> ResampleValues:
    """Calibration slope (Cox, Biometrika 45 (1958) 562): slope of a logistic regression of label on logit.

    1 is best; below 1 the network is overconfident. NaN if the logits of the classes do not overlap, because then the
    likelihood has no maximum (Albert and Anderson, Biometrika 71 (1984) 1).
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    slope = np.full(len(weights), np.nan)
    defined = _overlap(labels, logits, weights)
    if defined.any():
        centred = logits - logits.mean()
        scale = np.abs(centred).max()
        # Starting from the fit of the whole table, each resample needs few steps.
        start = _fit_logistic(labels, centred / scale, np.ones((1, len(labels))), np.zeros((2, 1)))
        slope[defined] = _fit_logistic(labels, centred / scale, weights[defined], start)[1] / scale
    return slope


def calibration_intercept(labels: Labels, logits: Scores, weights: Weights | None = None) -> ResampleValues:
    """Calibration in the large: intercept of a logistic regression of label on logit with slope 1.

    0 is best; below 0 the probabilities are too high overall (Van Calster et al., BMC Medicine 17 (2019) 230). NaN if a
    class is absent.
    """
    from scipy.optimize.elementwise import find_root
    from scipy.special import expit

    weights = np.ones((1, len(labels))) if weights is None else weights
    intercept = np.full(len(weights), np.nan)
    defined = (weights @ labels > 0) & (weights @ (1 - labels) > 0)
    if not defined.any():
        return intercept
    counts = np.ascontiguousarray(weights[defined].T)
    positives, images = labels @ counts, counts.sum(axis=0)

    def missing_positives(level: ResampleValues, resample: ResampleValues) -> ResampleValues:
        # The solver passes only resamples that have not converged.
        drawn = counts if len(resample) == counts.shape[1] else counts[:, resample.astype(np.int64)]
        missing: ResampleValues = labels @ drawn - _total(drawn, expit(logits[:, None] + level))
        return missing

    # Brackets the root: if all images had the highest logit, it would lie 1 above the lower end, and if all had the
    # lowest, 1 below the upper end.
    odds = np.log(positives / (images - positives))
    bracket = odds - logits.max() - 1, odds - logits.min() + 1
    root = find_root(missing_positives, bracket, args=(np.arange(counts.shape[1], dtype=np.float64),))
    intercept[defined] = np.where(root.success, root.x, np.nan)
    return intercept


def _overlap(labels: Labels, logits: Scores, weights: Weights) -> npt.NDArray[np.bool_]:
    """Return whether the logits of the two classes overlap in each resample, shape (resamples,)."""
    order = np.argsort(logits, kind="stable")
    rows = [order[labels[order] == label] for label in (0, 1)]
    if not len(rows[0]) or not len(rows[1]):
        return np.zeros(len(weights), dtype=bool)
    drawn = [weights[:, own] > 0 for own in rows]
    lowest = [logits[own][inside.argmax(axis=1)] for own, inside in zip(rows, drawn, strict=True)]
    highest = [logits[own[::-1]][inside[:, ::-1].argmax(axis=1)] for own, inside in zip(rows, drawn, strict=True)]
    both = drawn[0].any(axis=1) & drawn[1].any(axis=1)
    overlap: npt.NDArray[np.bool_] = both & (lowest[0] < highest[1]) & (lowest[1] < highest[0])
    return overlap


def _fit_logistic(labels: Labels, x: Scores, weights: Weights, start: Scores) -> Scores:
    """Fit intercept and slope of logistic regressions by Newton's method, all resamples at once.

    A step that lowers the likelihood of a resample is halved; without that the method may diverge.

    Args:
        labels: 0 or 1, shape (images,).
        x: From -1 to 1, shape (images,).
        weights: How often each image counts, shape (resamples, images); the classes must overlap in each resample.
        start: Initial intercept and slope, shape (2, 1).

    Returns:
        Intercept and slope, shape (2, resamples); NaN if they do not converge in `MAX_STEPS` steps.
    """
    counts = np.ascontiguousarray(weights.T)
    powers = np.stack([np.ones_like(x), x, x**2])
    signed_features = np.where(labels == 1, 1.0, -1.0) * powers[:2]
    accepted, step, least = start, np.zeros((2, 1)), np.full(counts.shape[1], np.inf)
    for _ in range(MAX_STEPS):
        odds_wrong = np.exp(np.minimum(signed_features.T @ -(accepted + step), MAX_LOG_ODDS))
        p_right = 1 / (1 + odds_wrong)
        residual = counts * (odds_wrong * p_right)
        (g0, g1), (h00, h01, h11) = signed_features @ residual, powers @ (residual * p_right)
        newton_step = divide(np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0]), h00 * h11 - h01**2)
        loss = -_total(counts, np.log(p_right))
        worse = ~(loss <= least * (1 + 1e-12))
        accepted, step = np.where(worse, accepted, accepted + step), np.where(worse, step / 2, newton_step)
        least = np.where(worse, least, loss)
        moving = np.abs(step).sum(axis=0) > TOLERANCE
        if not moving.any():
            break
    return np.where(moving, np.nan, accepted + step)


def _total(counts: Scores, values: Scores) -> ResampleValues:
    """Sum values of shape (images, resamples) or (images, 1) over the images of each resample."""
    if values.shape[1] == 1:
        return values[:, 0] @ counts
    total: ResampleValues = np.einsum("ij,ij->j", counts, values)
    return total
