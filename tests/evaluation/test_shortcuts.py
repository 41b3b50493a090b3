"""The shortcut baseline against pairs of images and against one model set beside itself."""

import numpy as np
import pytest
from sklearn import metrics as sk

from xray.evaluation.resampling import Patients
from xray.evaluation.shortcuts import ABLATION_IMAGES, BASELINES, shortcut_figures

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")


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
