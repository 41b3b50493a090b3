"""Shortcut baselines against a scikit-learn pipeline, and compared with a model."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from xray.data.decode.header import ImageHeader
from xray.evaluation.ranking import auroc
from xray.evaluation.resampling import Patients
from xray.evaluation.shortcuts import (
    ABLATION_IMAGES,
    BASELINES,
    LogisticBaseline,
    cross_validated_scores,
    fit_baseline,
    shape_features,
    shortcut_metrics,
)

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


def test_shape_features_are_size_and_mode():
    names, features = shape_features([ImageHeader(100, 50, "RGB", "JPEG", 1), ImageHeader(20, 20, "L", "PNG", 2)])
    assert names == ("log_width", "log_height", "log_aspect", "in_colour")
    np.testing.assert_allclose(features, [[np.log(100), np.log(50), np.log(2), 1], [np.log(20), np.log(20), 0, 0]])
    assert shape_features([])[1].shape == (0, 4)


@pytest.fixture
def images():
    """Return labels of 200 images of 100 patients, logits well above chance, noise, and the patients."""
    rng = np.random.default_rng(6)
    number = np.repeat(np.arange(100), 2)
    labels = number % 2
    return labels, rng.normal(2 * labels, 1.0), rng.normal(size=200), Patients.of([str(i) for i in number], labels)


def test_rows_have_auroc_and_difference(images):
    labels, logits, noise, patients = images
    ablations = {name: noise + i * labels / 3 for i, name in enumerate([*ABLATION_IMAGES, *BASELINES])}
    result = shortcut_metrics(labels, logits, ablations, patients)
    assert [row["name"] for row in result["ablations"]] == [*BASELINES, *ABLATION_IMAGES]
    for row in result["ablations"]:
        area = sk.roc_auc_score(labels, ablations[row["name"]])
        assert row["auroc"]["value"] == pytest.approx(area)
        assert row["model_above_it_by"]["value"] == pytest.approx(sk.roc_auc_score(labels, logits) - area)
        assert row["auroc"]["low"] < area < row["auroc"]["high"]


def test_differences_use_the_same_resamples(images):
    labels, logits, noise, patients = images
    # A baseline correlated with the model: unpaired, both would vary far more than their difference.
    row = shortcut_metrics(labels, logits, {"shape": logits + 0.3 * noise}, patients)["ablations"][0]
    wide = row["auroc"]["high"] - row["auroc"]["low"]
    assert row["model_above_it_by"]["high"] - row["model_above_it_by"]["low"] < wide / 2
    differences = []
    for weights in np.concatenate(list(patients.resample())):
        drawn = {"sample_weight": weights}
        differences.append(
            sk.roc_auc_score(labels, logits, **drawn) - sk.roc_auc_score(labels, logits + 0.3 * noise, **drawn)
        )
        if len(differences) == 100:
            break
    # The first 100 of 2,000 resamples estimate the width roughly.
    assert row["model_above_it_by"]["high"] - row["model_above_it_by"]["low"] == pytest.approx(
        2 * 1.96 * np.std(differences), rel=0.35
    )


def test_clear_if_above_every_baseline(images):
    labels, logits, noise, patients = images
    result = shortcut_metrics(labels, logits, {"statistics": noise, "shape": noise[::-1]}, patients)
    assert result["conclusion"] == "clear"
    assert len(result["sentences"]) == 1
    assert "clearly above every baseline" in result["sentences"][0]


def test_not_clear_if_one_baseline_is_as_good(images):
    labels, logits, noise, patients = images
    result = shortcut_metrics(labels, logits, {"statistics": noise, "shape": logits + 0.1 * noise}, patients)
    assert result["conclusion"] == "not clear"
    assert [BASELINES["shape"] in sentence for sentence in result["sentences"]] == [True]
    assert "not clearly above" in result["sentences"][0]


@pytest.mark.parametrize("better", [0.0, 2.0])
def test_not_clear_if_a_baseline_equals_or_beats_the_model(images, better):
    labels, logits, _, patients = images
    result = shortcut_metrics(labels, logits, {"shape": logits + better * labels}, patients)
    assert result["conclusion"] == "not clear"
    assert result["ablations"][0]["model_above_it_by"]["value"] <= 0


def test_reports_ablations_above_chance(images):
    labels, logits, noise, patients = images
    ablations = {"statistics": noise, "border_only": noise + labels, "centre_blanked": noise}
    result = shortcut_metrics(labels, logits, ablations, patients)
    # Ablations do not affect the comparison with the baselines.
    assert result["conclusion"] == "clear"
    assert [ABLATION_IMAGES["border_only"] in sentence for sentence in result["sentences"]] == [False, True]


@pytest.mark.parametrize("ablations", [[], ["border_only"]])
def test_no_result_without_a_baseline(images, ablations):
    labels, logits, noise, patients = images
    result = shortcut_metrics(labels, logits, dict.fromkeys(ablations, noise), patients)
    assert [row["name"] for row in result["ablations"]] == ablations
    assert result["conclusion"] is None
    assert "No shortcut baseline" in result["sentences"][0]


def test_ignores_unknown_ablations(images):
    labels, logits, noise, patients = images
    assert shortcut_metrics(labels, logits, {"else": noise}, patients)["ablations"] == []


def test_not_clear_for_one_class():
    labels, scores = np.ones(6, dtype=np.int64), np.arange(6.0)
    result = shortcut_metrics(labels, scores, {"shape": scores}, Patients.of(list("abcdef"), labels))
    assert result["ablations"][0]["auroc"]["value"] is None
    assert result["conclusion"] == "not clear"
    assert "not defined" in result["sentences"][0]


def test_not_clear_for_one_patient_of_a_class():
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.0, 1.0, 2.0, 3.0])
    result = shortcut_metrics(labels, scores, {"shape": -scores}, Patients.of(list("abcd"), labels))
    assert result["ablations"][0]["model_above_it_by"]["value"] == 1
    assert result["conclusion"] == "not clear"
