"""Figures against scikit-learn, and against what is known of them without any program."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from xray.evaluation.calibration import probability_of
from xray.evaluation.metrics import (
    PREVALENCES,
    Confusion,
    as_numbers,
    calibration_figures,
    decision_figures,
    ranking_figures,
)
from xray.evaluation.ranking import Ranking

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")

CLOSE = {"rel": 1e-10, "abs": 1e-12}


@st.composite
def tables(draw):
    """Labels, decisions, and how often each image counts: at least one does."""
    row = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 3))
    rows = draw(st.lists(row, min_size=1, max_size=40).filter(lambda rows: any(row[2] for row in rows)))
    return tuple(np.array([row[i] for row in rows], dtype=t) for i, t in enumerate((np.int64, np.int64, np.float64)))


def of_scikit_learn(labels, decisions, weights):
    """All figures of decisions, NaN where scikit-learn calls them undefined."""
    images = {"sample_weight": weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sensitivity = sk.recall_score(labels, decisions, zero_division=np.nan, **images)
        specificity = sk.recall_score(labels, decisions, pos_label=0, zero_division=np.nan, **images)
        tn, fp, fn, tp = sk.confusion_matrix(labels, decisions, labels=[0, 1], **images).ravel()
        varied = all((tp + fp, tp + fn, tn + fp, tn + fn))
        return {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "accuracy": sk.accuracy_score(labels, decisions, **images),
            # Scikit-learn's 0 stands for: not defined.
            "mcc": sk.matthews_corrcoef(labels, decisions, **images) if varied else np.nan,
            "f1": sk.f1_score(labels, decisions, zero_division=np.nan, **images),
        }


@given(tables())
def test_figures_of_decisions_are_those_of_scikit_learn(table):
    labels, decisions, weights = table
    resamples = np.stack([weights, np.ones_like(weights)])
    found = decision_figures(labels, decisions, resamples)
    for i, row in enumerate(resamples):
        expected = of_scikit_learn(labels, decisions, row)
        assert {name: found[name][i] for name in expected} == pytest.approx(expected, nan_ok=True, **CLOSE)
    alone = decision_figures(labels, decisions)
    assert {name: values[0] for name, values in alone.items()} == pytest.approx(
        {name: values[1] for name, values in found.items()}, nan_ok=True
    )


@given(tables())
def test_counts_are_those_of_scikit_learn(table):
    labels, decisions, weights = table
    found = Confusion.of(labels, decisions, weights[None])
    matrix = sk.confusion_matrix(labels, decisions, labels=[0, 1], sample_weight=weights)
    assert [found.tn, found.fp, found.fn, found.tp] == matrix.ravel().tolist()


@given(st.lists(st.integers(1, 9), min_size=4, max_size=4))
def test_likelihood_ratios_are_those_of_scikit_learn(counts):
    labels, decisions = np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)
    positive, negative = sk.class_likelihood_ratios(labels, decisions)
    found = decision_figures(labels, decisions)
    assert found["positive_likelihood_ratio"] == pytest.approx(positive, **CLOSE)
    assert found["negative_likelihood_ratio"] == pytest.approx(negative, **CLOSE)


@pytest.mark.parametrize(
    ("labels", "decisions", "positive", "negative"),
    [
        # No negative is called positive, and then no positive either.
        ([0, 0, 1, 1], [0, 0, 0, 1], np.inf, 0.5),
        ([0, 0, 1, 1], [0, 0, 0, 0], np.nan, 1.0),
        # No negative is called negative, and then no positive either.
        ([0, 0, 1, 1], [1, 1, 0, 1], 0.5, np.inf),
        ([0, 0, 1, 1], [1, 1, 1, 1], 1.0, np.nan),
        ([0, 0, 1, 1], [0, 0, 1, 1], np.inf, 0.0),
        ([0, 0, 1, 1], [1, 1, 0, 0], 0.0, np.inf),
        ([1, 1], [0, 1], np.nan, np.nan),
        ([0, 0], [0, 1], np.nan, np.nan),
    ],
)
def test_likelihood_ratios_at_their_limits(labels, decisions, positive, negative):
    counts = Confusion.of(np.array(labels), np.array(decisions))
    assert counts.positive_likelihood_ratio == pytest.approx([positive], nan_ok=True)
    assert counts.negative_likelihood_ratio == pytest.approx([negative], nan_ok=True)


@given(tables(), st.floats(0.001, 0.999))
def test_predictive_values_are_those_of_a_population_of_that_prevalence(table, prevalence):
    labels, decisions, weights = table
    counts = Confusion.of(labels, decisions, weights[None])
    found = [counts.positive_predictive_value(prevalence)[0], counts.negative_predictive_value(prevalence)[0]]
    positives, negatives = weights[labels == 1].sum(), weights[labels == 0].sum()
    if not positives or not negatives:
        assert np.isnan(found).all()
        return
    people = np.where(labels == 1, weights * prevalence / positives, weights * (1 - prevalence) / negatives)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [
            sk.precision_score(labels, decisions, pos_label=label, sample_weight=people, zero_division=np.nan)
            for label in (1, 0)
        ]
    assert found == pytest.approx(expected, nan_ok=True, rel=1e-9)


def test_predictive_values_are_told_at_each_prevalence():
    labels, decisions = np.repeat([0, 0, 1, 1], [90, 10, 2, 8]), np.repeat([0, 1, 0, 1], [90, 10, 2, 8])
    found = decision_figures(labels, decisions)
    counts = Confusion.of(labels, decisions)
    for prevalence in PREVALENCES:
        assert found[f"ppv_at_{prevalence:g}"] == counts.positive_predictive_value(prevalence)
        assert found[f"npv_at_{prevalence:g}"] == counts.negative_predictive_value(prevalence)
    # Of 1,000 people 10 are ill: 8 of them and 99 of the 990 others are called ill.
    assert found["ppv_at_0.01"] == pytest.approx(8 / (8 + 99))
    assert found["npv_at_0.01"] == pytest.approx(891 / (891 + 2))


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_undefined_what_needs_both(label, images):
    labels = np.full(images, label)
    found = decision_figures(labels, labels)
    predictive = {f"{name}_at_{prevalence:g}" for name in ("ppv", "npv") for prevalence in PREVALENCES}
    needs_both = {"balanced_accuracy", "mcc", "positive_likelihood_ratio", "negative_likelihood_ratio"} | predictive
    undefined = needs_both | ({"specificity"} if label else {"sensitivity", "f1"})
    assert {name for name, values in found.items() if np.isnan(values).all()} == undefined
    assert found["accuracy"] == 1


def test_no_images_leave_every_figure_undefined():
    none = np.array([], dtype=np.int64)
    found = (
        decision_figures(none, none)
        | ranking_figures(Ranking.of(none, none.astype(float)))
        | calibration_figures(none, none.astype(float))
    )
    assert {name for name, values in found.items() if not np.isnan(values).all()} == set()
    assert {values.shape for values in found.values()} == {(1,)}


def test_a_hand_computed_table():
    labels, decisions = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]), np.array([1, 1, 1, 0, 0, 0, 0, 0, 1, 1])
    counts = Confusion.of(labels, decisions)
    assert (counts.tp, counts.fp, counts.fn, counts.tn) == (3, 2, 1, 4)
    assert counts.sensitivity == 3 / 4
    assert counts.specificity == 4 / 6
    assert counts.accuracy == 7 / 10
    assert counts.balanced_accuracy == pytest.approx(17 / 24)
    assert counts.f1 == pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4))
    assert counts.mcc == pytest.approx((3 * 4 - 2 * 1) / np.sqrt(5 * 4 * 6 * 5))
    assert counts.positive_likelihood_ratio == pytest.approx((3 / 4) / (2 / 6))
    assert counts.negative_likelihood_ratio == pytest.approx((1 / 4) / (4 / 6))


@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(-40, 40), st.integers(0, 3)), min_size=1, max_size=40).filter(
        lambda rows: any(row[2] for row in rows)
    )
)
def test_the_brier_score_is_that_of_scikit_learn(rows):
    labels, logits, weights = (np.array([row[i] for row in rows]) for i in range(3))
    found = calibration_figures(labels, logits, weights[None].astype(float))
    probability = probability_of(logits, 1.0)
    expected = sk.brier_score_loss(labels, probability, sample_weight=weights, labels=[0, 1])
    assert found["brier"] == pytest.approx([expected], **CLOSE)


def test_a_slope_that_is_known_is_taken():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 50)
    logits = rng.normal(labels, 1)
    found = calibration_figures(labels, logits)
    divided = calibration_figures(labels, logits / 1.7, slope=1.7 * found["calibration_slope"])
    assert divided["calibration_slope"] == pytest.approx(calibration_figures(labels, logits / 1.7)["calibration_slope"])


def test_names_become_numbers():
    assert as_numbers(["b", "a", "b"], ["a", "b"]).tolist() == [1, 0, 1]
    assert as_numbers([], ["a", "b"]).shape == (0,)
