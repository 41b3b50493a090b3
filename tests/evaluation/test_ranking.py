"""Rankings, AUROC and average precision against scikit-learn and their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from xray.evaluation.ranking import Ranking, auroc, average_precision, divide

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

CLOSE = {"rel": 1e-10, "abs": 1e-12}
# A few values for many ties, others in between, and some whose difference overflows.
SCORES = st.one_of(st.integers(-2, 2).map(float), st.floats(-50, 50), st.sampled_from([-1e308, 1e308, 5e-324, -0.0]))


@st.composite
def tables(draw, min_size=1, max_size=40):
    """Draw labels, scores, and weights."""
    row = st.tuples(st.integers(0, 1), SCORES, st.integers(0, 3))
    rows = draw(st.lists(row, min_size=min_size, max_size=max_size))
    return tuple(np.array([row[i] for row in rows], dtype=t) for i, t in enumerate((np.int64, np.float64, np.float64)))


def area_of_scikit_learn(labels, scores, weights):
    drawn = weights > 0
    if len(set(labels[drawn])) < 2:
        return np.nan
    # By ranks: scikit-learn treats scores as equal that differ by less than float32 precision.
    ranks = np.unique(scores, return_inverse=True)[1]
    return sk.roc_auc_score(labels[drawn], ranks[drawn], sample_weight=weights[drawn])


def precision_of_scikit_learn(labels, scores, weights):
    drawn = weights > 0
    if not labels[drawn].any():
        return np.nan
    ranks = np.unique(scores, return_inverse=True)[1]
    return sk.average_precision_score(labels[drawn], ranks[drawn], sample_weight=weights[drawn])


@given(tables())
def test_auroc_and_average_precision_match_scikit_learn(table):
    labels, scores, weights = table
    ranking = Ranking.of(labels, scores)
    resamples = np.stack([weights, np.ones_like(weights), weights[::-1]])
    expected = [
        [of(labels, scores, row) for row in resamples] for of in (area_of_scikit_learn, precision_of_scikit_learn)
    ]
    assert ranking.auroc(resamples) == pytest.approx(expected[0], nan_ok=True, **CLOSE)
    assert ranking.average_precision(resamples) == pytest.approx(expected[1], nan_ok=True, **CLOSE)
    assert auroc(labels, scores) == pytest.approx(expected[0][1], nan_ok=True, **CLOSE)
    assert average_precision(labels, scores) == pytest.approx(expected[1][1], nan_ok=True, **CLOSE)


@given(tables())
def test_weights_act_as_copies_of_an_image(table):
    labels, scores, weights = table
    copies = np.repeat(np.arange(len(labels)), weights.astype(int))
    copied = Ranking.of(labels[copies], scores[copies])
    ranking = Ranking.of(labels, scores)
    assert ranking.auroc(weights[None]) == pytest.approx(copied.auroc(), nan_ok=True, **CLOSE)
    assert ranking.average_precision(weights[None]) == pytest.approx(copied.average_precision(), nan_ok=True, **CLOSE)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-20, 20)), min_size=2, max_size=60),
    st.sampled_from([np.exp, np.cbrt, np.arctan, lambda x: x**3, lambda x: 1 / (1 + np.exp(-x)), lambda x: 7 * x - 3]),
)
def test_monotonic_transforms_change_nothing(rows, rising):
    labels = np.array([0, 1, *(label for label, _ in rows)])
    scores = np.array([0, 0, *(score for _, score in rows)], dtype=float)
    assert auroc(labels, rising(scores)) == auroc(labels, scores)
    assert average_precision(labels, rising(scores)) == average_precision(labels, scores)
    assert auroc(labels, -scores) == pytest.approx(1 - auroc(labels, scores), **CLOSE)


@given(tables())
def test_counts_predicted_positives_at_each_threshold(table):
    labels, scores, weights = table
    ranking = Ranking.of(labels, scores)
    counts = ranking.positive_counts(weights[None])
    assert list(ranking.scores) == sorted(set(scores), reverse=True)
    assert counts.true[0, 0] == counts.false[0, 0] == 0
    assert list(counts.true[0, 1:]) == [weights[(scores >= s) & (labels == 1)].sum() for s in ranking.scores]
    assert list(counts.false[0, 1:]) == [weights[(scores >= s) & (labels == 0)].sum() for s in ranking.scores]


@given(tables(max_size=60), st.integers(2, 12))
def test_thinned_ranking_keeps_both_ends(table, max_thresholds):
    labels, scores, weights = table
    ranking = Ranking.of(labels, scores)
    thin = ranking.thin(max_thresholds)
    assert len(thin.scores) == min(max_thresholds, len(ranking.scores))
    assert {thin.scores[0], thin.scores[-1]} == {ranking.scores[0], ranking.scores[-1]}
    whole, some = ranking.positive_counts(weights[None]), thin.positive_counts(weights[None])
    kept = [0, *(1 + list(ranking.scores).index(score) for score in thin.scores)]
    np.testing.assert_array_equal(some.true, whole.true[:, kept])
    np.testing.assert_array_equal(some.false, whole.false[:, kept])


def test_thinning_to_more_thresholds_changes_nothing():
    ranking = Ranking.of(np.array([0, 1, 1]), np.array([0.1, 0.5, 0.5]))
    np.testing.assert_array_equal(ranking.thin(10).ends, ranking.ends)
    nothing = Ranking.of(np.array([], dtype=np.int64), np.array([]))
    assert len(nothing.thin(10).ends) == 0


def test_perfect_and_inverted_rankings():
    labels, scores = np.array([0, 0, 1, 1, 1]), np.array([-3.0, -1.0, 0.5, 2.0, 9.0])
    assert auroc(labels, scores) == average_precision(labels, scores) == 1
    assert auroc(labels, -scores) == 0
    # Positives at ranks 3, 4 and 5 of 5.
    assert average_precision(labels, -scores) == pytest.approx((1 / 3 + 2 / 4 + 3 / 5) / 3)


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auroc(label, images):
    labels, scores = np.full(images, label), np.arange(images, dtype=float)
    assert np.isnan(auroc(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(1.0 if label else np.nan, nan_ok=True)


def test_ranking_without_images():
    labels, scores = np.array([], dtype=np.int64), np.array([])
    ranking = Ranking.of(labels, scores)
    assert np.isnan([auroc(labels, scores), average_precision(labels, scores)]).all()
    assert np.isnan(ranking.auroc(np.ones((3, 0)))).tolist() == [True] * 3
    assert np.isnan(ranking.average_precision()).tolist() == [True]


@pytest.mark.parametrize("missing", [[0], [2, 3], [0, 1, 2, 3]])
def test_nan_scores_give_nan(missing):
    # As a diverged network would give.
    scores = np.array([3.0, 2.0, 1.0, 0.0])
    scores[missing] = np.nan
    labels = np.array([1, 1, 0, 0])
    assert np.isnan([auroc(labels, scores), average_precision(labels, scores)]).all()


def test_division_by_zero_gives_nan():
    np.testing.assert_array_equal(divide(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0])), [np.nan, np.nan, 1.5])
    np.testing.assert_array_equal(divide(np.array([[2.0, 4.0]]), np.array([[2.0], [0.0]])), [[1, 2], [np.nan, np.nan]])
