"""Shortcut baselines against scikit-learn's own pipeline, and set against a model."""

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
    shortcut_figures,
)

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")

NAMES = ("a", "b", "c")


def draw(images=200, seed=0, effect=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, images)
    features = rng.normal(size=(images, 3)) * [1, 100, 0.01] + [5, -300, 0]
    features[:, 0] += effect * labels
    return features, labels


def test_scores_are_those_of_scikit_learn():
    features, labels = draw()
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    expected = model.fit(features, labels).decision_function(features)
    np.testing.assert_allclose(fit_baseline(NAMES, features, labels).score(features), expected, rtol=1e-9, atol=1e-9)


def test_a_baseline_survives_json():
    features, labels = draw()
    baseline = fit_baseline(NAMES, features, labels)
    again = LogisticBaseline.from_dict(json.loads(json.dumps(baseline.as_dict())))
    assert again == baseline
    assert again.names == NAMES
    np.testing.assert_array_equal(again.score(features), baseline.score(features))


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9])
def test_a_constant_feature_says_nothing(constant):
    features, labels = draw()
    expected = fit_baseline(NAMES, features, labels).score(features)
    wider = np.column_stack([features, np.full(len(labels), constant)])
    baseline = fit_baseline((*NAMES, "constant"), wider, labels)
    assert baseline.scale[3] == 1
    assert baseline.coefficients[3] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(baseline.score(wider), expected, atol=1e-5)


def test_one_class_cannot_be_fitted():
    features, labels = draw()
    with pytest.raises(ValueError, match="class"):
        fit_baseline(NAMES, features, np.ones_like(labels))


def test_cross_validation_finds_what_is_there_and_nothing_else():
    for effect, low, high in ((3.0, 0.95, 1.0), (0.0, 0.35, 0.65)):
        features, labels = draw(400, effect=effect)
        groups = [f"p{i}" for i in range(len(labels))]
        assert low < auroc(labels, cross_validated_scores(features, labels, groups)) < high


def test_patients_are_never_parted():
    # A feature that is each patient's own: known to whoever has seen another image of the same patient.
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 10)
    labels = rng.integers(0, 2, 40)[patients]
    features = np.eye(40)[patients]
    apart = auroc(labels, cross_validated_scores(features, labels, [f"p{i}" for i in patients]))
    mixed = auroc(labels, cross_validated_scores(features, labels, [f"image{i}" for i in range(400)]))
    assert mixed > 0.99
    assert apart < 0.75


def test_every_image_has_a_score_and_it_repeats():
    features, labels = draw(60)
    groups = [f"p{i // 3}" for i in range(60)]
    scores = cross_validated_scores(features, labels, groups)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, cross_validated_scores(features, labels, groups))


def test_folds_shrink_with_the_patients_of_a_class():
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
def test_too_few_patients_give_no_scores(labels, groups):
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
    """Labels of 200 images of 100 patients, a model well above chance, and noise."""
    rng = np.random.default_rng(6)
    number = np.repeat(np.arange(100), 2)
    labels = number % 2
    return labels, rng.normal(2 * labels, 1.0), rng.normal(size=200), Patients.of([str(i) for i in number], labels)


def test_each_control_has_its_area_and_its_distance_from_the_model(images):
    labels, logits, noise, patients = images
    ablations = {name: noise + i * labels / 3 for i, name in enumerate([*ABLATION_IMAGES, *BASELINES])}
    found = shortcut_figures(labels, logits, ablations, patients)
    assert [row["name"] for row in found["ablations"]] == [*BASELINES, *ABLATION_IMAGES]
    for row in found["ablations"]:
        area = sk.roc_auc_score(labels, ablations[row["name"]])
        assert row["auroc"]["value"] == pytest.approx(area)
        assert row["model_above_it_by"]["value"] == pytest.approx(sk.roc_auc_score(labels, logits) - area)
        assert row["auroc"]["low"] < area < row["auroc"]["high"]


def test_differences_are_taken_on_the_same_resamples(images):
    labels, logits, noise, patients = images
    # A control that follows the model closely: apart from one another both would vary far more than their difference.
    row = shortcut_figures(labels, logits, {"shape": logits + 0.3 * noise}, patients)["ablations"][0]
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
    # The first hundred of 2,000 tell the width roughly.
    assert row["model_above_it_by"]["high"] - row["model_above_it_by"]["low"] == pytest.approx(
        2 * 1.96 * np.std(differences), rel=0.35
    )


def test_a_model_well_above_every_baseline_is_clearly_above(images):
    labels, logits, noise, patients = images
    found = shortcut_figures(labels, logits, {"statistics": noise, "shape": noise[::-1]}, patients)
    assert found["prediction"] == "clear"
    assert len(found["sentences"]) == 1
    assert "clearly above every baseline" in found["sentences"][0]


def test_one_baseline_that_is_as_good_makes_it_unclear(images):
    labels, logits, noise, patients = images
    found = shortcut_figures(labels, logits, {"statistics": noise, "shape": logits + 0.1 * noise}, patients)
    assert found["prediction"] == "not clear"
    assert [BASELINES["shape"] in sentence for sentence in found["sentences"]] == [True]
    assert "not clearly above" in found["sentences"][0]


@pytest.mark.parametrize("better", [0.0, 2.0])
def test_a_baseline_that_equals_or_beats_the_model_makes_it_unclear(images, better):
    labels, logits, _, patients = images
    found = shortcut_figures(labels, logits, {"shape": logits + better * labels}, patients)
    assert found["prediction"] == "not clear"
    assert found["ablations"][0]["model_above_it_by"]["value"] <= 0


def test_a_model_that_tells_classes_without_lungs_is_said_to(images):
    labels, logits, noise, patients = images
    ablations = {"statistics": noise, "border_only": noise + labels, "centre_blanked": noise}
    found = shortcut_figures(labels, logits, ablations, patients)
    # It stays above the baselines, whatever the model makes of a border.
    assert found["prediction"] == "clear"
    assert [ABLATION_IMAGES["border_only"] in sentence for sentence in found["sentences"]] == [False, True]


@pytest.mark.parametrize("ablations", [[], ["border_only"]])
def test_without_a_baseline_there_is_no_prediction(images, ablations):
    labels, logits, noise, patients = images
    found = shortcut_figures(labels, logits, dict.fromkeys(ablations, noise), patients)
    assert [row["name"] for row in found["ablations"]] == ablations
    assert found["prediction"] is None
    assert "No shortcut baseline" in found["sentences"][0]


def test_controls_of_other_names_are_left_out(images):
    labels, logits, noise, patients = images
    assert shortcut_figures(labels, logits, {"else": noise}, patients)["ablations"] == []


def test_one_class_has_no_areas_and_the_model_is_not_said_to_be_above():
    labels, scores = np.ones(6, dtype=np.int64), np.arange(6.0)
    found = shortcut_figures(labels, scores, {"shape": scores}, Patients.of(list("abcdef"), labels))
    assert found["ablations"][0]["auroc"]["value"] is None
    assert found["prediction"] == "not clear"
    assert "not defined" in found["sentences"][0]


def test_one_patient_of_a_class_leaves_it_unclear():
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.0, 1.0, 2.0, 3.0])
    found = shortcut_figures(labels, scores, {"shape": -scores}, Patients.of(list("abcd"), labels))
    assert found["ablations"][0]["model_above_it_by"]["value"] == 1
    assert found["prediction"] == "not clear"
