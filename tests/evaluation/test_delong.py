"""DeLong's variance against its definition, image by image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xray.evaluation.delong import delong, delong_interval, delong_p_value

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

# Small whole numbers make many ties.
SCORE = st.one_of(st.integers(0, 4).map(float), st.floats(-5, 5))


def tables(models=1, min_images=2):
    """Draw labels with at least `min_images` images per class, and scores of `models` models."""

    def build(counts):
        images = sum(counts)
        scores = st.lists(st.lists(SCORE, min_size=images, max_size=images), min_size=models, max_size=models)
        return scores.map(lambda rows: (np.repeat([1, 0], counts), np.array(rows)))

    return st.tuples(st.integers(min_images, 12), st.integers(min_images, 12)).flatmap(build)


def by_definition(labels, scores):
    """AUROCs and covariance from the matrix psi of all pairs (equations 3 to 6 of DeLong et al., 1988)."""
    components = []
    for row in scores:
        positive, negative = row[labels == 1], row[labels == 0]
        psi = np.array([[1.0 if p > n else 0.5 if p == n else 0.0 for n in negative] for p in positive])
        components.append((psi.mean(), psi.mean(axis=1), psi.mean(axis=0)))
    m, n = (labels == 1).sum(), (labels == 0).sum()
    covariance = np.empty((len(scores), len(scores)))
    for i, (area, tens, ones) in enumerate(components):
        for j, (other_area, other_tens, other_ones) in enumerate(components):
            s10 = np.sum((tens - area) * (other_tens - other_area)) / (m - 1)
            s01 = np.sum((ones - area) * (other_ones - other_area)) / (n - 1)
            covariance[i, j] = s10 / m + s01 / n
    return np.array([area for area, _, _ in components]), covariance


@given(tables(models=3))
def test_auroc_and_covariance_match_the_definition(table):
    for result, expected in zip(delong(*table), by_definition(*table), strict=True):
        np.testing.assert_allclose(result, expected, atol=1e-12)


@given(tables())
def test_interval_is_1_96_standard_errors_clipped(table):
    labels, (scores,) = table
    (area,), ((variance,),) = by_definition(labels, scores[None])
    result = delong_interval(labels, scores)
    assert result.value == pytest.approx(area)
    if variance < 1e-12:
        assert (result.low, result.high) == (None, None)
        assert "no variance" in result.reason
    else:
        half = 1.959963984540054 * np.sqrt(variance)
        assert (result.low, result.high) == pytest.approx((max(0, area - half), min(1, area + half)))


def test_a_published_case():
    # Ratings from 1 to 5 of 58 normal and 51 abnormal scans (Hanley and McNeil, Radiology 143 (1982) 29, table 1), and
    # what the manual of Stata prints for them (command roctab).
    ratings = np.tile(np.arange(1.0, 6), 2)
    counts = [33, 6, 6, 11, 2, 3, 2, 2, 11, 33]
    labels, scores = np.repeat([0, 1], [58, 51]), np.repeat(ratings, counts)
    result = delong_interval(labels, scores)
    assert [round(result.value, 4), round(result.low, 5), round(result.high, 5)] == [0.8932, 0.83295, 0.95339]
    assert round(float(np.sqrt(delong(labels, scores[None])[1][0, 0])), 4) == 0.0307


@given(tables(models=2))
def test_p_value_matches_the_definition(table):
    labels, scores = table
    areas, covariance = by_definition(labels, scores)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    result = delong_p_value(labels, *scores)
    assert result == delong_p_value(labels, *scores[::-1])
    if variance > 1e-12:
        expected = stats.chi2.sf((areas[0] - areas[1]) ** 2 / variance, df=1)
        assert result == pytest.approx(expected, abs=1e-9)
    elif abs(areas[0] - areas[1]) < 1e-12:
        assert result == 1
    else:
        assert result is None


@given(tables(), st.sampled_from([np.exp, np.cbrt, lambda x: 3 * x - 1]))
def test_p_value_of_equal_rankings_is_1(table, rising):
    labels, (scores,) = table
    scores = np.round(scores, 2)
    assert delong_p_value(labels, scores, scores) == 1
    assert delong_p_value(labels, scores, rising(scores)) == 1


def test_p_values_are_uniform_for_equal_models():
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 50)
    p_values = []
    for _ in range(400):
        shared = rng.normal(labels, 1.0)
        p_values.append(delong_p_value(labels, *(shared + rng.normal(size=(2, 100)))))
    # For equally good models, p-values are uniform from 0 to 1.
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    better = [delong_p_value(labels, rng.normal(2 * labels, 1), rng.normal(0 * labels, 1)) for _ in range(50)]
    assert np.mean(np.array(better) < 0.05) > 0.9


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1, 1], [1]])
def test_one_class_has_no_interval(labels):
    labels, scores = np.array(labels, dtype=np.int64), np.arange(len(labels), dtype=float)
    result = delong_interval(labels, scores)
    assert (result.value, result.low, result.high) == (None, None, None)
    assert "a class is absent" in result.reason
    assert delong_p_value(labels, scores, -scores) is None


@pytest.mark.parametrize("labels", [[0, 1, 1, 1], [1, 0, 0, 0], [0, 1]])
def test_one_image_of_a_class_has_no_variance(labels):
    labels, scores = np.array(labels), np.array([0.5, 0.1, 0.7, 0.9])[: len(labels)]
    result = delong_interval(labels, scores)
    assert result.value == stats.mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic / max(
        1, len(labels) - 1
    )
    assert (result.low, result.high) == (None, None)
    assert delong_p_value(labels, scores, -scores) is None


def test_no_interval_for_perfect_and_constant_models():
    labels = np.repeat([0, 1], 5)
    for scores, area in ((labels.astype(float), 1.0), (-labels.astype(float), 0.0), (np.zeros(10), 0.5)):
        result = delong_interval(labels, scores)
        assert (result.value, result.low, result.high) == (area, None, None)
    # Neither has any variance, but they differ.
    assert delong_p_value(labels, labels.astype(float), np.zeros(10)) is None
