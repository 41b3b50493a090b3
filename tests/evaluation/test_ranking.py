"""Rankings and what is made of them, against scikit-learn and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from xray.evaluation.ranking import Ranking, auroc, average_precision, divide

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")

CLOSE = {"rel": 1e-10, "abs": 1e-12}
# Few different values make many ties; the others come in between, and some overflow where they are subtracted.
SCORES = st.one_of(st.integers(-2, 2).map(float), st.floats(-50, 50), st.sampled_from([-1e308, 1e308, 5e-324, -0.0]))


@st.composite
def tables(draw, least=1, most=40):
    """Labels, scores, and how often each image counts."""
    row = st.tuples(st.integers(0, 1), SCORES, st.integers(0, 3))
    rows = draw(st.lists(row, min_size=least, max_size=most))
    return tuple(np.array([row[i] for row in rows], dtype=t) for i, t in enumerate((np.int64, np.float64, np.float64)))


def area_of_scikit_learn(labels, scores, weights):
    drawn = weights > 0
    if len(set(labels[drawn])) < 2:
        return np.nan
    # By ranks: scikit-learn takes scores for equal that differ by less than single precision shows.
    ranks = np.unique(scores, return_inverse=True)[1]
    return sk.roc_auc_score(labels[drawn], ranks[drawn], sample_weight=weights[drawn])


def precision_of_scikit_learn(labels, scores, weights):
    drawn = weights > 0
    if not labels[drawn].any():
        return np.nan
    ranks = np.unique(scores, return_inverse=True)[1]
    return sk.average_precision_score(labels[drawn], ranks[drawn], sample_weight=weights[drawn])


@given(tables())
def test_auroc_and_average_precision_of_resamples_are_those_of_scikit_learn(table):
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
def test_a_weight_counts_as_so_many_copies_of_the_image(table):
    labels, scores, weights = table
    copies = np.repeat(np.arange(len(labels)), weights.astype(int))
    copied = Ranking.of(labels[copies], scores[copies])
    ranking = Ranking.of(labels, scores)
    assert ranking.auroc(weights[None]) == pytest.approx(copied.auroc(), nan_ok=True, **CLOSE)
    assert ranking.average_precision(weights[None]) == pytest.approx(copied.average_precision(), nan_ok=True, **CLOSE)


@given(tables())
def test_auroc_is_the_share_of_pairs_in_the_right_order(table):
    labels, scores, weights = table
    images = list(zip(labels, scores, weights, strict=True))
    pairs = [
        (w * v, (p > n) + (p == n) / 2) for one, p, w in images for other, n, v in images if one == 1 and other == 0
    ]
    every = sum(weight for weight, _ in pairs)
    share = sum(weight * right for weight, right in pairs) / every if every else np.nan
    assert Ranking.of(labels, scores).auroc(weights[None]) == pytest.approx([share], nan_ok=True, **CLOSE)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-20, 20)), min_size=2, max_size=60),
    st.sampled_from([np.exp, np.cbrt, np.arctan, lambda x: x**3, lambda x: 1 / (1 + np.exp(-x)), lambda x: 7 * x - 3]),
)
def test_the_ranking_alone_matters(rows, rising):
    labels = np.array([0, 1, *(label for label, _ in rows)])
    scores = np.array([0, 0, *(score for _, score in rows)], dtype=float)
    assert auroc(labels, rising(scores)) == auroc(labels, scores)
    assert average_precision(labels, rising(scores)) == average_precision(labels, scores)
    assert auroc(labels, -scores) == pytest.approx(1 - auroc(labels, scores), **CLOSE)


@given(tables(least=2), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(table, random):
    labels, scores, _ = table
    order = list(range(len(labels)))
    random.shuffle(order)
    for figure in (auroc, average_precision):
        assert figure(labels[order], scores[order]) == pytest.approx(figure(labels, scores), nan_ok=True, **CLOSE)


@given(tables())
def test_each_threshold_calls_the_images_from_its_score_upwards(table):
    labels, scores, weights = table
    ranking = Ranking.of(labels, scores)
    called = ranking.called(weights[None])
    assert list(ranking.scores) == sorted(set(scores), reverse=True)
    assert called.true[0, 0] == called.false[0, 0] == 0
    assert list(called.true[0, 1:]) == [weights[(scores >= s) & (labels == 1)].sum() for s in ranking.scores]
    assert list(called.false[0, 1:]) == [weights[(scores >= s) & (labels == 0)].sum() for s in ranking.scores]


@given(tables(most=60), st.integers(2, 12))
def test_a_thinned_ranking_keeps_some_of_the_points_and_both_ends(table, most):
    labels, scores, weights = table
    ranking = Ranking.of(labels, scores)
    thin = ranking.thinned(most)
    assert len(thin.scores) == min(most, len(ranking.scores))
    assert {thin.scores[0], thin.scores[-1]} == {ranking.scores[0], ranking.scores[-1]}
    whole, some = ranking.called(weights[None]), thin.called(weights[None])
    kept = [0, *(1 + list(ranking.scores).index(score) for score in thin.scores)]
    np.testing.assert_array_equal(some.true, whole.true[:, kept])
    np.testing.assert_array_equal(some.false, whole.false[:, kept])


def test_a_ranking_thinned_to_more_than_it_has_is_the_same():
    ranking = Ranking.of(np.array([0, 1, 1]), np.array([0.1, 0.5, 0.5]))
    np.testing.assert_array_equal(ranking.thinned(10).ends, ranking.ends)
    nothing = Ranking.of(np.array([], dtype=np.int64), np.array([]))
    assert len(nothing.thinned(10).ends) == 0


def test_a_perfect_ranking_has_1_and_an_inverted_one_0():
    labels, scores = np.array([0, 0, 1, 1, 1]), np.array([-3.0, -1.0, 0.5, 2.0, 9.0])
    assert auroc(labels, scores) == average_precision(labels, scores) == 1
    assert auroc(labels, -scores) == 0
    # Positives at ranks 3, 4 and 5 of 5.
    assert average_precision(labels, -scores) == pytest.approx((1 / 3 + 2 / 4 + 3 / 5) / 3)


def test_equal_scores_are_chance():
    labels, scores = np.array([0, 1, 1, 0, 1]), np.full(5, 0.3)
    assert auroc(labels, scores) == 0.5
    assert average_precision(labels, scores) == pytest.approx(3 / 5)


def test_infinite_scores_rank_as_they_should():
    labels, scores = np.array([0, 1, 0, 1, 1]), np.array([-np.inf, np.inf, np.inf, 0.0, np.inf])
    assert auroc(labels, scores) == pytest.approx((2 * (1 + 0.5) + (1 + 0)) / 6)


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auroc(label, images):
    labels, scores = np.full(images, label), np.arange(images, dtype=float)
    assert np.isnan(auroc(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(1.0 if label else np.nan, nan_ok=True)


def test_no_images_have_neither():
    labels, scores = np.array([], dtype=np.int64), np.array([])
    ranking = Ranking.of(labels, scores)
    assert np.isnan([auroc(labels, scores), average_precision(labels, scores)]).all()
    assert np.isnan(ranking.auroc(np.ones((3, 0)))).tolist() == [True] * 3
    assert np.isnan(ranking.average_precision()).tolist() == [True]


@pytest.mark.parametrize("missing", [[0], [2, 3], [0, 1, 2, 3]])
def test_scores_that_are_no_numbers_have_no_ranking(missing):
    # As a network that has diverged gives them.
    scores = np.array([3.0, 2.0, 1.0, 0.0])
    scores[missing] = np.nan
    labels = np.array([1, 1, 0, 0])
    assert np.isnan([auroc(labels, scores), average_precision(labels, scores)]).all()


def test_a_quotient_by_zero_is_not_defined():
    np.testing.assert_array_equal(divide(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0])), [np.nan, np.nan, 1.5])
    np.testing.assert_array_equal(divide(np.array([[2.0, 4.0]]), np.array([[2.0], [0.0]])), [[1, 2], [np.nan, np.nan]])
