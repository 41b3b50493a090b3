"""Shortcut baselines against a scikit-learn pipeline, and their cross-validation."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xray.evaluation.baselines import LogisticBaseline, cross_validated_scores, fit_baseline
from xray.evaluation.ranking import auroc

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

NAMES = ("a", "b", "c")


def draw(images=200, seed=0, effect=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, images)
    features = rng.normal(size=(images, 3)) * [1, 100, 0.01] + [5, -300, 0]
    features[:, 0] += effect * labels
    return features, labels


def test_baseline_scores_match_scikit_learn():
    features, labels = draw()
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    expected = model.fit(features, labels).decision_function(features)
    np.testing.assert_allclose(fit_baseline(NAMES, features, labels).score(features), expected, rtol=1e-9, atol=1e-9)


def test_baseline_round_trips_through_json():
    features, labels = draw()
    baseline = fit_baseline(NAMES, features, labels)
    again = LogisticBaseline.from_dict(json.loads(json.dumps(baseline.as_dict())))
    assert again == baseline
    assert again.names == NAMES
    np.testing.assert_array_equal(again.score(features), baseline.score(features))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9])
def test_constant_feature_has_no_effect(constant):
    features, labels = draw()
    expected = fit_baseline(NAMES, features, labels).score(features)
    wider = np.column_stack([features, np.full(len(labels), constant)])
    baseline = fit_baseline((*NAMES, "constant"), wider, labels)
    assert baseline.scale[3] == 1
    assert baseline.coefficients[3] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(baseline.score(wider), expected, atol=1e-5)


def test_fit_rejects_one_class():
    features, labels = draw()
    with pytest.raises(ValueError, match="class"):
        fit_baseline(NAMES, features, np.ones_like(labels))


def test_cross_validation_measures_real_effects_only():
    for effect, low, high in ((3.0, 0.95, 1.0), (0.0, 0.35, 0.65)):
        features, labels = draw(400, effect=effect)
        groups = [f"p{i}" for i in range(len(labels))]
        assert low < auroc(labels, cross_validated_scores(features, labels, groups)) < high


def test_cross_validation_keeps_patients_together():
    # One indicator feature per patient: only useful if other images of the patient are in training.
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 10)
    labels = rng.integers(0, 2, 40)[patients]
    features = np.eye(40)[patients]
    apart = auroc(labels, cross_validated_scores(features, labels, [f"p{i}" for i in patients]))
    mixed = auroc(labels, cross_validated_scores(features, labels, [f"image{i}" for i in range(400)]))
    assert mixed > 0.99
    assert apart < 0.75


def test_cross_validation_is_complete_and_reproducible():
    features, labels = draw(60)
    groups = [f"p{i // 3}" for i in range(60)]
    scores = cross_validated_scores(features, labels, groups)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, cross_validated_scores(features, labels, groups))


def test_fewer_folds_for_few_patients():
    features, _ = draw(20)
    labels = np.array([1] * 2 + [0] * 18)
    assert np.isfinite(cross_validated_scores(features, labels, [f"p{i}" for i in range(20)])).all()


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0, 0, 0, 0], ["a", "b", "c", "d"]),
        ([0, 0, 1, 1], ["a", "b", "c", "c"]),
        ([0, 0, 1, 1], ["a", "a", "a", "a"]),
        ([], []),
    ],
)
def test_cross_validation_needs_two_patients_per_class(labels, groups):
    labels = np.array(labels, dtype=np.int64)
    scores = cross_validated_scores(np.arange(2.0 * len(labels)).reshape(-1, 2), labels, groups)
    assert scores.shape == labels.shape
    assert np.isnan(scores).all()
