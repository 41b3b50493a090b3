"""The shortcut floor against pairs of films and against one model set beside itself."""

import numpy as np
import pytest
from sklearn import metrics as sk

from xray.evaluation.resampling import Patients
from xray.evaluation.shortcuts import CONTROL_IMAGES, FLOORS, shortcut_figures

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def films():
    """Labels of 200 films of 100 patients, a model well above chance, and noise."""
    rng = np.random.default_rng(6)
    number = np.repeat(np.arange(100), 2)
    labels = number % 2
    return labels, rng.normal(2 * labels, 1.0), rng.normal(size=200), Patients.of([str(i) for i in number], labels)


def test_each_control_has_its_area_and_its_distance_from_the_model(films):
    labels, logits, noise, patients = films
    controls = {name: noise + i * labels / 3 for i, name in enumerate([*CONTROL_IMAGES, *FLOORS])}
    found = shortcut_figures(labels, logits, controls, patients)
    assert [row["name"] for row in found["controls"]] == [*FLOORS, *CONTROL_IMAGES]
    for row in found["controls"]:
        area = sk.roc_auc_score(labels, controls[row["name"]])
        assert row["auroc"]["value"] == pytest.approx(area)
        assert row["model_above_it_by"]["value"] == pytest.approx(sk.roc_auc_score(labels, logits) - area)
        assert row["auroc"]["low"] < area < row["auroc"]["high"]


def test_differences_are_taken_on_the_same_resamples(films):
    labels, logits, noise, patients = films
    # A control that follows the model closely: apart from one another both would vary far more than their difference.
    row = shortcut_figures(labels, logits, {"shape": logits + 0.3 * noise}, patients)["controls"][0]
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


def test_a_model_well_above_every_floor_is_clearly_above(films):
    labels, logits, noise, patients = films
    found = shortcut_figures(labels, logits, {"statistics": noise, "shape": noise[::-1]}, patients)
    assert found["verdict"] == "clear"
    assert len(found["sentences"]) == 1
    assert "clearly above every floor" in found["sentences"][0]


def test_one_floor_that_is_as_good_makes_it_unclear(films):
    labels, logits, noise, patients = films
    found = shortcut_figures(labels, logits, {"statistics": noise, "shape": logits + 0.1 * noise}, patients)
    assert found["verdict"] == "not clear"
    assert [FLOORS["shape"] in sentence for sentence in found["sentences"]] == [True]
    assert "not clearly above" in found["sentences"][0]


@pytest.mark.parametrize("better", [0.0, 2.0])
def test_a_floor_that_equals_or_beats_the_model_makes_it_unclear(films, better):
    labels, logits, _, patients = films
    found = shortcut_figures(labels, logits, {"shape": logits + better * labels}, patients)
    assert found["verdict"] == "not clear"
    assert found["controls"][0]["model_above_it_by"]["value"] <= 0


def test_a_model_that_tells_classes_without_lungs_is_said_to(films):
    labels, logits, noise, patients = films
    controls = {"statistics": noise, "border_only": noise + labels, "centre_blanked": noise}
    found = shortcut_figures(labels, logits, controls, patients)
    # It stays above the floors, whatever the model makes of a border.
    assert found["verdict"] == "clear"
    assert [CONTROL_IMAGES["border_only"] in sentence for sentence in found["sentences"]] == [False, True]


@pytest.mark.parametrize("controls", [[], ["border_only"]])
def test_without_a_floor_there_is_no_verdict(films, controls):
    labels, logits, noise, patients = films
    found = shortcut_figures(labels, logits, dict.fromkeys(controls, noise), patients)
    assert [row["name"] for row in found["controls"]] == controls
    assert found["verdict"] is None
    assert "No shortcut floor" in found["sentences"][0]


def test_controls_of_other_names_are_left_out(films):
    labels, logits, noise, patients = films
    assert shortcut_figures(labels, logits, {"else": noise}, patients)["controls"] == []


def test_one_class_has_no_areas_and_the_model_is_not_said_to_be_above():
    labels, scores = np.ones(6, dtype=np.int64), np.arange(6.0)
    found = shortcut_figures(labels, scores, {"shape": scores}, Patients.of(list("abcdef"), labels))
    assert found["controls"][0]["auroc"]["value"] is None
    assert found["verdict"] == "not clear"
    assert "not defined" in found["sentences"][0]


def test_one_patient_of_a_class_leaves_it_unclear():
    labels, scores = np.array([0, 1, 1, 1]), np.array([0.0, 1.0, 2.0, 3.0])
    found = shortcut_figures(labels, scores, {"shape": -scores}, Patients.of(list("abcd"), labels))
    assert found["controls"][0]["model_above_it_by"]["value"] == 1
    assert found["verdict"] == "not clear"
