"""Metrics against scikit-learn and hand-computed cases."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from xray.evaluation.calibration import calibration_slope, probability_of
from xray.evaluation.metrics import PREVALENCES, Confusion, Resamples, ScoredImages, class_indices
from xray.evaluation.registry import METRICS, metrics_in
from xray.evaluation.scaling import Scaling

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

CLOSE = {"rel": 1e-10, "abs": 1e-12}


@st.composite
def tables(draw):
    """Draw labels, decisions, and weights that are not all zero."""
    row = st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 3))
    rows = draw(st.lists(row, min_size=1, max_size=40).filter(lambda rows: any(row[2] for row in rows)))
    return tuple(np.array([row[i] for row in rows], dtype=t) for i, t in enumerate((np.int64, np.int64, np.float64)))


def of_scikit_learn(labels, decisions, weights):
    """Return the decision metrics of scikit-learn, NaN where undefined."""
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
            # Scikit-learn returns 0 where it is not defined.
            "mcc": sk.matthews_corrcoef(labels, decisions, **images) if varied else np.nan,
            "f1": sk.f1_score(labels, decisions, zero_division=np.nan, **images),
        }


def decision_metrics(labels, decisions, weights=None):
    weights = np.ones((1, len(labels))) if weights is None else weights
    resamples = Resamples(ScoredImages(labels, np.zeros(len(labels)), decisions), weights)
    return {name: metric.compute(resamples) for name, metric in metrics_in("decision", "predictive value").items()}


@given(tables())
def test_decision_metrics_match_scikit_learn(table):
    labels, decisions, weights = table
    resamples = np.stack([weights, np.ones_like(weights)])
    result = decision_metrics(labels, decisions, resamples)
    for i, row in enumerate(resamples):
        expected = of_scikit_learn(labels, decisions, row)
        assert {name: result[name][i] for name in expected} == pytest.approx(expected, nan_ok=True, **CLOSE)
    alone = decision_metrics(labels, decisions)
    assert {name: values[0] for name, values in alone.items()} == pytest.approx(
        {name: values[1] for name, values in result.items()}, nan_ok=True
    )


@given(st.lists(st.integers(1, 9), min_size=4, max_size=4))
def test_likelihood_ratios_match_scikit_learn(counts):
    labels, decisions = np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)
    positive, negative = sk.class_likelihood_ratios(labels, decisions)
    result = decision_metrics(labels, decisions)
    assert result["positive_likelihood_ratio"] == pytest.approx(positive, **CLOSE)
    assert result["negative_likelihood_ratio"] == pytest.approx(negative, **CLOSE)


@pytest.mark.parametrize(
    ("labels", "decisions", "positive", "negative"),
    [
        # No negative is predicted positive; then also no positive.
        ([0, 0, 1, 1], [0, 0, 0, 1], np.inf, 0.5),
        ([0, 0, 1, 1], [0, 0, 0, 0], np.nan, 1.0),
        # No negative is predicted negative; then also no positive.
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
def test_predictive_values_match_a_reweighted_population(table, prevalence):
    labels, decisions, weights = table
    counts = Confusion.of(labels, decisions, weights[None])
    result = [counts.positive_predictive_value(prevalence)[0], counts.negative_predictive_value(prevalence)[0]]
    positives, negatives = weights[labels == 1].sum(), weights[labels == 0].sum()
    if not positives or not negatives:
        assert np.isnan(result).all()
        return
    people = np.where(labels == 1, weights * prevalence / positives, weights * (1 - prevalence) / negatives)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [
            sk.precision_score(labels, decisions, pos_label=label, sample_weight=people, zero_division=np.nan)
            for label in (1, 0)
        ]
    assert result == pytest.approx(expected, nan_ok=True, rel=1e-9)


def test_predictive_values_at_each_prevalence():
    labels, decisions = np.repeat([0, 0, 1, 1], [90, 10, 2, 8]), np.repeat([0, 1, 0, 1], [90, 10, 2, 8])
    result = decision_metrics(labels, decisions)
    counts = Confusion.of(labels, decisions)
    for prevalence in PREVALENCES:
        assert result[f"ppv_at_{prevalence:g}"] == counts.positive_predictive_value(prevalence)
        assert result[f"npv_at_{prevalence:g}"] == counts.negative_predictive_value(prevalence)
    # Of 1,000 people 10 are ill: 8 of them and 99 of the 990 others are predicted ill.
    assert result["ppv_at_0.01"] == pytest.approx(8 / (8 + 99))
    assert result["npv_at_0.01"] == pytest.approx(891 / (891 + 2))


@pytest.mark.parametrize("images", [1, 4])
@pytest.mark.parametrize("label", [0, 1])
def test_undefined_metrics_of_one_class(label, images):
    labels = np.full(images, label)
    result = decision_metrics(labels, labels)
    predictive = {f"{name}_at_{prevalence:g}" for name in ("ppv", "npv") for prevalence in PREVALENCES}
    needs_both = {"balanced_accuracy", "mcc", "positive_likelihood_ratio", "negative_likelihood_ratio"} | predictive
    undefined = needs_both | ({"specificity"} if label else {"sensitivity", "f1"})
    assert {name for name, values in result.items() if np.isnan(values).all()} == undefined
    assert result["accuracy"] == 1


def test_metrics_without_images_are_nan():
    none = np.array([], dtype=np.int64)
    resamples = Resamples(ScoredImages(none, none.astype(float), none), np.ones((1, 0)))
    result = {name: metric.compute(resamples) for name, metric in METRICS.items()}
    assert {name for name, values in result.items() if not np.isnan(values).all()} == set()
    assert {values.shape for values in result.values()} == {(1,)}


@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(-40, 40), st.integers(0, 3)), min_size=1, max_size=40).filter(
        lambda rows: any(row[2] for row in rows)
    )
)
def test_brier_score_matches_scikit_learn(rows):
    labels, logits, weights = (np.array([row[i] for row in rows]) for i in range(3))
    resamples = Resamples(ScoredImages(labels, logits, labels, Scaling(1.7)), weights[None].astype(float))
    for when, temperature in ((resamples, 1.7), (resamples.before_scaling, 1.0)):
        probability = probability_of(logits / temperature)
        expected = sk.brier_score_loss(labels, probability, sample_weight=weights, labels=[0, 1])
        assert METRICS["brier"].compute(when) == pytest.approx([expected], **CLOSE)


def test_slope_before_and_after_scaling():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 50)
    logits = rng.normal(labels, 1)
    resamples = Resamples(ScoredImages(labels, logits, labels, Scaling(1.7)), np.ones((1, 50)))
    slope = METRICS["calibration_slope"].compute
    assert slope(resamples) == pytest.approx(calibration_slope(labels, logits / 1.7))
    assert slope(resamples.before_scaling) == pytest.approx(calibration_slope(labels, logits))


def test_class_indices():
    assert class_indices(["b", "a", "b"], ["a", "b"]).tolist() == [1, 0, 1]
    assert class_indices([], ["a", "b"]).shape == (0,)
