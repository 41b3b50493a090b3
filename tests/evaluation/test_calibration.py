"""Calibration against scikit-learn, SciPy and loops over images."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from xray.evaluation.calibration import (
    BINS,
    bin_indices,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    probability_of,
    reliability_bins,
)

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")


def draw(seed, images=80, scale=1.0, ties=False):
    """Draw labels, overlapping logits, and weights of three resamples."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, images)
    logits = scale * (rng.standard_t(2, images) + rng.uniform(-2, 3) * (labels - 0.5))
    return labels, np.round(logits, 1) if ties else logits, rng.integers(0, 4, (3, images)).astype(float)


def slope_of_scikit_learn(labels, logits, weights):
    # It does not converge for large logits.
    scale = np.abs(logits).max()
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    with warnings.catch_warnings():
        # If its line search fails, it falls back to another solver.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(logits[:, None] / scale, labels, weights)
    return model.coef_[0, 0] / scale


def intercept_of_scipy(labels, logits, weights):
    def surplus(intercept):
        return weights @ (labels - expit(logits + intercept))

    far = np.abs(logits).max() + 50
    return brentq(surplus, -far, far, xtol=1e-12)


@pytest.mark.parametrize("scale", [1e-4, 0.01, 1.0, 30.0])
@pytest.mark.parametrize("seed", range(2))
def test_slope_and_intercept_match_logistic_regression(seed, scale):
    labels, logits, weights = draw(seed, scale=scale, ties=seed % 2 == 1 and scale >= 1)
    resamples = np.vstack([weights, np.ones(len(labels))])
    slopes, intercepts = calibration_slope(labels, logits, resamples), calibration_intercept(labels, logits, resamples)
    expected = [slope_of_scikit_learn(labels, logits, row) for row in resamples]
    np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-5 / scale)
    expected = [intercept_of_scipy(labels, logits, row) for row in resamples]
    np.testing.assert_allclose(intercepts, expected, rtol=1e-5, atol=1e-5)
    # Values of the whole table are more precise than those of resamples.
    np.testing.assert_allclose(calibration_slope(labels, logits), slope_of_scikit_learn(labels, logits, np.ones(80)))
    np.testing.assert_allclose(calibration_intercept(labels, logits), expected[-1], rtol=1e-9)


def test_slope_converges_for_an_overconfident_network():
    # Probabilities round to 0 or 1: here Newton's method diverges without step halving.
    labels = np.array([0] * 40 + [1] * 40 + [0, 1, 1])
    logits = np.concatenate([np.linspace(-300, -100, 40), np.linspace(100, 300, 40), [150.0, -200.0, -120.0]])
    ones = np.ones(83)
    assert calibration_slope(labels, logits) == pytest.approx([slope_of_scikit_learn(labels, logits, ones)])
    intercept = calibration_intercept(labels, logits)[0]
    assert ones @ (labels - expit(logits + intercept)) == pytest.approx(0, abs=1e-6)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4), st.integers(0, 2)), min_size=1, max_size=14),
    st.sampled_from([1e-3, 1.0, 25.0]),
)
def test_slope_needs_overlap_and_intercept_both_classes(rows, scale):
    labels, logits, weights = (np.array([row[i] for row in rows]) for i in range(3))
    images = [(label, logit) for label, logit, weight in rows if weight]
    pairs = {np.sign(p - n) for one, p in images for other, n in images if one and not other}
    slope, intercept = (
        of(labels, logits * scale, weights[None].astype(float))[0] for of in (calibration_slope, calibration_intercept)
    )
    assert np.isfinite(intercept) == bool(pairs)
    assert np.isfinite(slope) == ({-1, 1} <= pairs)
    if np.isfinite(slope):
        assert slope * scale == pytest.approx(slope_of_scikit_learn(labels, logits, weights), rel=1e-4, abs=1e-4)


def test_calibrated_network_has_slope_1_and_intercept_0():
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 2, 200_000)
    labels = (rng.random(200_000) < expit(logits)).astype(np.int64)
    assert calibration_slope(labels, logits) == pytest.approx([1], abs=0.02)
    assert calibration_intercept(labels, logits) == pytest.approx([0], abs=0.03)
    assert calibration_slope(labels, 3 * logits) == pytest.approx([1 / 3], abs=0.01)
    assert calibration_intercept(labels, logits + 2) == pytest.approx([-2], abs=0.03)


@pytest.mark.parametrize(
    ("labels", "logits"),
    [
        ([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0]),
        ([0, 0, 1, 1], [2.0, 1.0, -1.0, -2.0]),
        ([0, 0, 1, 1], [-1.0, 0.5, 0.5, 2.0]),
        ([0, 0, 1, 1], [0.3, 0.3, 0.3, 0.3]),
        ([0, 1], [-1e5, 1e5]),
        ([1, 0], [-1.0, 3.0]),
    ],
    ids=["separated", "inverted", "touching", "all equal", "far separated", "one image each"],
)
def test_no_slope_without_overlap(labels, logits):
    labels, logits = np.array(labels), np.array(logits)
    assert np.isnan(calibration_slope(labels, logits)).all()
    intercept = calibration_intercept(labels, logits)[0]
    assert expit(logits + intercept).sum() == pytest.approx(labels.sum(), abs=1e-9)


@pytest.mark.parametrize("labels", [[], [0], [1], [1, 1, 1]])
def test_one_class_has_no_slope_or_intercept(labels):
    logits = np.arange(len(labels), dtype=float)
    assert np.isnan(calibration_slope(np.array(labels, dtype=np.int64), logits)).tolist() == [True]
    assert np.isnan(calibration_intercept(np.array(labels, dtype=np.int64), logits)).tolist() == [True]


def test_undefined_resample_does_not_affect_others():
    labels, logits, weights = draw(3)
    lost = weights.copy()
    lost[1, labels == 1] = 0
    for figure in (calibration_slope, calibration_intercept):
        result, complete = figure(labels, logits, lost), figure(labels, logits, weights)
        assert np.isnan(result[1])
        np.testing.assert_allclose(result[[0, 2]], complete[[0, 2]], rtol=1e-6)


@given(st.floats(-800, 800))
def test_probability_matches_scipy(log_odds):
    result = probability_of(np.array([log_odds]))
    assert result == pytest.approx(expit(log_odds), rel=1e-12, abs=1e-300)
    assert 0 <= result[0] <= 1


def error_by_a_loop(labels, probability, weights):
    gap = 0.0
    for b in range(BINS):
        last = b == BINS - 1
        inside = [b / BINS <= p and (p < (b + 1) / BINS or last) for p in probability]
        images = [(w, y, p) for w, y, p, i in zip(weights, labels, probability, inside, strict=True) if i and w]
        if images:
            weight = sum(w for w, _, _ in images)
            gap += abs(sum(w * y for w, y, _ in images) - sum(w * p for w, _, p in images)) / weight * weight
    return gap / sum(weights)


PROBABILITIES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))
IMAGES = st.lists(st.tuples(st.integers(0, 1), PROBABILITIES, st.integers(0, 3)), min_size=1, max_size=40)


@given(IMAGES.filter(lambda rows: any(row[2] for row in rows)))
def test_calibration_error_matches_a_loop_over_bins(rows):
    labels, probability, weights = (np.array([row[i] for row in rows]) for i in range(3))
    result = expected_calibration_error(labels, probability, np.stack([weights, np.ones(len(rows))]).astype(float))
    expected = [error_by_a_loop(labels, probability, w) for w in (weights.tolist(), [1] * len(rows))]
    assert result == pytest.approx(expected, abs=1e-12)
    assert expected_calibration_error(labels, probability) == pytest.approx(expected[1:], abs=1e-12)


@given(IMAGES)
def test_reliability_bins_give_the_calibration_error(rows):
    labels, probability = (np.array([row[i] for row in rows]) for i in range(2))
    bins = reliability_bins(labels, probability)
    assert sum(b.images for b in bins) == len(rows)
    assert [b.low for b in bins] == sorted({b.low for b in bins})
    for b in bins:
        assert b.low - 1e-12 <= b.probability <= b.high + 1e-12
    error = sum(b.images * abs(b.observed - b.probability) for b in bins) / len(rows)
    assert expected_calibration_error(labels, probability) == pytest.approx([error], abs=1e-12)


def test_bins_include_their_lower_edge():
    assert bin_indices(np.array([0.0, 0.0999, 0.1, 0.5, 0.95, 1.0])).tolist() == [0, 0, 1, 5, 9, 9]


def test_calibration_error_without_images():
    none = np.array([])
    assert reliability_bins(none.astype(np.int64), none) == []
    assert np.isnan(expected_calibration_error(none.astype(np.int64), none)).tolist() == [True]
