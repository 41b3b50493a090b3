"""Calibration: how well probabilities keep their word, and the temperature that mends them; functions on arrays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray.evaluation.ranking import Labels, Scores, Values, Weights, divide

BINS = 10
"""Bins of equal width from 0 to 1, of the reliability diagram and of the expected calibration error."""
WARMEST = 20.0
"""The highest temperature, and the inverse of the lowest."""
STEPS = 100
"""Newton's method needs some six steps, or some fifty where it has to halve them."""
SETTLED = 1e-3
"""A step that moves no log-odds by more leaves an error of its square."""
LARGEST = 300.0
"""Log-odds whose exponential is still a number; no probability tells them from infinity."""


def probability_of(logits: Scores, temperature: float) -> Scores:
    """Probability of the positive class, sigmoid(logit / temperature)."""
    return np.exp(-np.logaddexp(0.0, -logits / temperature))


def fit_temperature(labels: Labels, logits: Scores) -> float:
    """The temperature that makes the probabilities of validation images as likely as possible.

    One number by which logits are divided (Guo et al., ICML 2017): ranking and AUROC stay as they are. The labels are
    softened as Platt did (Advances in Large Margin Classifiers, 1999, 61-74), without which images that are all on the
    right side would ask for endless confidence.

    Args:
        labels: 0 or 1, shape (images,), of both classes.
        logits: Raw outputs of the network, shape (images,).

    Returns:
        From 0.05 to 20; above 1 the network was too sure of itself. 1 where all logits are 0, which none would change.
    """
    if not logits.any():
        return 1.0
    from scipy.optimize import minimize_scalar

    positives = int(labels.sum())
    negatives = len(labels) - positives
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0.0, scaled) - targets * scaled))

    bounds = (-np.log(WARMEST), np.log(WARMEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def expected_calibration_error(labels: Labels, probability: Scores, weights: Weights | None = None) -> Values:
    """Mean distance of predicted from observed share of positives, over `BINS` bins of equal width (Guo et al., 2017).

    Args:
        labels: 0 or 1, shape (images,).
        probability: From 0 to 1, shape (images,).
        weights: How often each image counts; by default once.

    Returns:
        From 0 to 1, shape (resamples,). It is never negative, so its resamples lie above it: it has no interval.
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    members = np.eye(BINS)[bin_of(probability)]
    gaps = np.abs(weights @ (members * (labels - probability)[:, None])).sum(axis=1)
    return divide(gaps, weights.sum(axis=1))


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability diagram: its images, their mean probability, and the share of positives among them."""

    low: float
    high: float
    images: int
    probability: float
    observed: float


def reliability(labels: Labels, probability: Scores) -> list[Bin]:
    """The bins that hold images, in ascending order; see `BINS`."""
    where = bin_of(probability)
    return [
        Bin(
            b / BINS, (b + 1) / BINS, int(inside.sum()), float(probability[inside].mean()), float(labels[inside].mean())
        )
        for b in range(BINS)
        if (inside := where == b).any()
    ]


def bin_of(probability: Scores) -> npt.NDArray[np.int64]:
    """The bin of each image, which holds its lower edge; the last one holds 1 too."""
    return np.minimum((probability * BINS).astype(np.int64), BINS - 1)


def calibration_slope(labels: Labels, logits: Scores, weights: Weights | None = None) -> Values:
    """Slope of a logistic regression of label on logit (Cox, Biometrika 45 (1958) 562).

    1 at best, less for a network too sure of itself.

    Args:
        labels: 0 or 1, shape (images,).
        logits: Log-odds of the predicted probabilities, shape (images,).
        weights: How often each image counts; by default once.

    Returns:
        Shape (resamples,); NaN unless the logits of the classes overlap, without which the likelihood has no maximum
        (Albert and Anderson, Biometrika 71 (1984) 1).
    """
    weights = np.ones((1, len(labels))) if weights is None else weights
    slope = np.full(len(weights), np.nan)
    defined = _overlap(labels, logits, weights)
    if defined.any():
        centred = logits - logits.mean()
        scale = np.abs(centred).max()
        # From the line of the whole table each resample needs few steps.
        whole = _lines(labels, centred / scale, np.ones((1, len(labels))), np.zeros((2, 1)))
        slope[defined] = _lines(labels, centred / scale, _rows(weights, defined), whole)[1] / scale
    return slope


def calibration_intercept(labels: Labels, logits: Scores, weights: Weights | None = None) -> Values:
    """Intercept of a logistic regression of label on logit whose slope is 1.

    Calibration in the large (Van Calster et al., BMC Medicine 17 (2019) 230): 0 at best, less where probabilities are
    too high altogether.

    Args:
        labels: 0 or 1, shape (images,).
        logits: Log-odds of the predicted probabilities, shape (images,).
        weights: How often each image counts; by default once.

    Returns:
        Shape (resamples,); NaN where a class is absent.
    """
    from scipy.optimize.elementwise import find_root
    from scipy.special import expit

    weights = np.ones((1, len(labels))) if weights is None else weights
    intercept = np.full(len(weights), np.nan)
    defined = (weights @ labels > 0) & (weights @ (1 - labels) > 0)
    if not defined.any():
        return intercept
    counts = np.ascontiguousarray(_rows(weights, defined).T)
    positives, images = labels @ counts, counts.sum(axis=0)

    def surplus(level: Values, resample: Values) -> Values:
        # The solver leaves out resamples that have converged.
        drawn = counts if len(resample) == counts.shape[1] else counts[:, resample.astype(np.int64)]
        missing: Values = labels @ drawn - _total(drawn, expit(logits[:, None] + level))
        return missing

    # With every image at the highest logit too few positives are expected below this interval, and too many above it.
    odds = np.log(positives / (images - positives))
    bracket = odds - logits.max() - 1, odds - logits.min() + 1
    found = find_root(surplus, bracket, args=(np.arange(counts.shape[1], dtype=np.float64),))
    intercept[defined] = np.where(found.success, found.x, np.nan)
    return intercept


def _rows(weights: Weights, wanted: npt.NDArray[np.bool_]) -> Weights:
    # All, as nearly always, need no copy.
    return weights if wanted.all() else weights[wanted]


def _overlap(labels: Labels, logits: Scores, weights: Weights) -> npt.NDArray[np.bool_]:
    """Whether some positive lies below some negative, and some above some, among the images of each resample."""
    order = np.argsort(logits, kind="stable")
    images = [order[labels[order] == label] for label in (0, 1)]
    if not len(images[0]) or not len(images[1]):
        return np.zeros(len(weights), dtype=bool)
    drawn = [weights[:, which] > 0 for which in images]
    lowest = [logits[which][inside.argmax(axis=1)] for which, inside in zip(images, drawn, strict=True)]
    highest = [logits[which[::-1]][inside[:, ::-1].argmax(axis=1)] for which, inside in zip(images, drawn, strict=True)]
    both = drawn[0].any(axis=1) & drawn[1].any(axis=1)
    overlap: npt.NDArray[np.bool_] = both & (lowest[0] < highest[1]) & (lowest[1] < highest[0])
    return overlap


def _lines(labels: Labels, x: Scores, weights: Weights, start: Scores) -> Scores:
    """Level and slope of logistic regressions by Newton's method, all resamples at once.

    Steps that make a resample less likely are halved: without that the method may leave for infinity.

    Args:
        labels: 0 or 1, shape (images,).
        x: From -1 to 1, shape (images,).
        weights: How often each image counts, shape (resamples, images); classes overlap in each.
        start: Level and slope to begin with, shape (2, 1).

    Returns:
        Level and slope, shape (2, resamples); NaN where `STEPS` steps do not find them.
    """
    counts = np.ascontiguousarray(weights.T)
    sign = np.where(labels == 1, 1.0, -1.0)
    line, powers = sign * np.stack([np.ones_like(x), x]), np.stack([np.ones_like(x), x, x**2])
    kept, step, least = start, np.zeros((2, 1)), np.full(counts.shape[1], np.inf)
    for _ in range(STEPS):
        # Odds of the wrong class, and the probability of the right one.
        wrong = np.exp(np.minimum(line.T @ -(kept + step), LARGEST))
        right = 1 / (1 + wrong)
        residual = counts * (wrong * right)
        (g0, g1), (h00, h01, h11) = line @ residual, powers @ (residual * right)
        newton = divide(np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0]), h00 * h11 - h01**2)
        loss = -_total(counts, np.log(right))
        worse = ~(loss <= least * (1 + 1e-12))
        kept, step = np.where(worse, kept, kept + step), np.where(worse, step / 2, newton)
        least = np.where(worse, least, loss)
        moving = np.abs(step).sum(axis=0) > SETTLED
        if not moving.any():
            break
    return np.where(moving, np.nan, kept + step)


def _total(counts: Scores, values: Scores) -> Values:
    """Sum over images of shape (images, resamples) or (images, 1) for each resample."""
    if values.shape[1] == 1:
        return values[:, 0] @ counts
    total: Values = np.einsum("ij,ij->j", counts, values)
    return total
