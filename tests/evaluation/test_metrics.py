"""Figures against scikit-learn, and against what is known of them without any program."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from xray.evaluation.metrics import Confusion, auroc, average_precision, summarise

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")

CLOSE = {"rel": 1e-12, "abs": 1e-12}
# Few different values make many ties; the others come in between.
SCORES = st.one_of(st.integers(-2, 2).map(float), st.floats(-50, 50))


@st.composite
def tables(draw, least=1):
    """Labels, scores and decisions, which need not agree with the scores."""
    rows = draw(st.lists(st.tuples(st.integers(0, 1), SCORES, st.integers(0, 1)), min_size=least, max_size=50))
    labels, scores, decisions = (np.array([row[i] for row in rows], dtype=t) for i, t in enumerate((int, float, int)))
    return labels, scores, decisions


def of_scikit_learn(labels, scores, decisions):
    """All figures, None where scikit-learn calls them undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sensitivity = sk.recall_score(labels, decisions, zero_division=np.nan)
        specificity = sk.recall_score(labels, decisions, pos_label=0, zero_division=np.nan)
        both = len(set(labels.tolist())) == 2
        figures = {
            "auroc": sk.roc_auc_score(labels, scores) if both else np.nan,
            "average_precision": sk.average_precision_score(labels, scores) if labels.any() else np.nan,
            "accuracy": sk.accuracy_score(labels, decisions),
            "balanced_accuracy": sk.balanced_accuracy_score(labels, decisions) if both else np.nan,
            "sensitivity": sensitivity,
            "specificity": specificity,
            "f1": sk.f1_score(labels, decisions, zero_division=np.nan),
        }
    return {name: None if np.isnan(value) else pytest.approx(value, **CLOSE) for name, value in figures.items()}


@given(tables())
def test_every_figure_is_that_of_scikit_learn(table):
    labels, _, decisions = table
    figures = summarise(*table)
    tn, fp, fn, tp = sk.confusion_matrix(labels, decisions, labels=[0, 1]).ravel().tolist()
    assert figures.pop("confusion_matrix") == {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    assert figures == of_scikit_learn(*table)


@given(tables())
def test_figures_are_json_without_nan(table):
    figures = summarise(*table)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


@given(tables(least=2), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(table, random):
    order = list(range(len(table[0])))
    random.shuffle(order)
    shuffled = summarise(*(column[order] for column in table))
    for name, value in summarise(*table).items():
        assert shuffled[name] == (value if value is None or isinstance(value, dict) else pytest.approx(value, **CLOSE))


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-20, 20)), min_size=2, max_size=60),
    st.sampled_from([np.exp, np.cbrt, np.arctan, lambda x: x**3, lambda x: 1 / (1 + np.exp(-x)), lambda x: 7 * x - 3]),
)
def test_auroc_and_average_precision_depend_on_the_ranking_alone(rows, rising):
    labels = np.array([0, 1, *(label for label, _ in rows)])
    scores = np.array([0, 0, *(score for _, score in rows)], dtype=float)
    assert auroc(labels, rising(scores)) == auroc(labels, scores)
    assert average_precision(labels, rising(scores)) == average_precision(labels, scores)
    assert auroc(labels, -scores) == pytest.approx(1 - auroc(labels, scores), **CLOSE)


@given(tables())
def test_auroc_is_the_share_of_pairs_in_the_right_order(table):
    labels, scores, _ = table
    pairs = [(p > n) + (p == n) / 2 for p in scores[labels == 1] for n in scores[labels == 0]]
    area = auroc(labels, scores)
    assert area == pytest.approx(np.mean(pairs), **CLOSE) if pairs else np.isnan(area)


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


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_undefined_what_needs_both(label, rows):
    labels = np.full(rows, label)
    figures = summarise(labels, np.arange(rows, dtype=float), labels)
    undefined = {"auroc", "balanced_accuracy"} | (
        {"specificity"} if label else {"average_precision", "sensitivity", "f1"}
    )
    assert {name for name, value in figures.items() if value is None} == undefined
    assert figures["accuracy"] == 1


def test_no_rows_leave_every_figure_undefined():
    none = np.array([], dtype=np.int64)
    figures = summarise(none, none.astype(float), none)
    assert figures.pop("confusion_matrix") == {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
    assert set(figures.values()) == {None}


@pytest.mark.parametrize("missing", [[0], [2, 3], [0, 1, 2, 3]])
def test_scores_that_are_no_numbers_have_no_ranking(missing):
    # As a network that has diverged gives them.
    scores = np.array([3.0, 2.0, 1.0, 0.0])
    scores[missing] = np.nan
    figures = summarise(np.array([1, 1, 0, 0]), scores, np.array([0, 0, 0, 0]))
    assert figures["auroc"] is None
    assert figures["average_precision"] is None


def test_a_hand_computed_table():
    labels, decisions = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]), np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 1])
    confusion = Confusion.of(labels, decisions)
    assert confusion == Confusion(tp=3, fp=2, fn=1, tn=4)
    assert confusion.sensitivity == 3 / 4
    assert confusion.specificity == 4 / 6
    assert confusion.accuracy == 7 / 10
    assert confusion.balanced_accuracy == pytest.approx(17 / 24)
    assert confusion.f1 == pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4))


def test_a_single_wrong_decision_of_each_kind():
    missed = summarise(np.array([1]), np.array([-1.0]), np.array([0]))
    alarm = summarise(np.array([0]), np.array([1.0]), np.array([1]))
    assert (missed["sensitivity"], missed["specificity"], missed["f1"]) == (0, None, 0)
    assert (alarm["sensitivity"], alarm["specificity"], alarm["f1"]) == (None, 0, 0)
