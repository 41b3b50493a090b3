"""A model compared with shortcut baselines and input ablations."""

import numpy as np
import pytest
from sklearn import metrics as sk

from xray.evaluation.ablations import ABLATIONS
from xray.evaluation.resampling import Patients
from xray.evaluation.shortcuts import BASELINES, shortcut_metrics

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def images():
    """Return labels of 200 images of 100 patients, logits well above chance, noise, and the patients."""
    rng = np.random.default_rng(6)
    number = np.repeat(np.arange(100), 2)
    labels = number % 2
    return labels, rng.normal(2 * labels, 1.0), rng.normal(size=200), Patients.of([str(i) for i in number], labels)


def test_rows_have_auroc_and_difference(images):
    labels, logits, noise, patients = images
    ablations = {name: noise + i * labels / 3 for i, name in enumerate([*ABLATIONS, *BASELINES])}
    result = shortcut_metrics(labels, logits, ablations, patients)
    assert [row["name"] for row in result["ablations"]] == [*BASELINES, *ABLATIONS]
    for row in result["ablations"]:
        area = sk.roc_auc_score(labels, ablations[row["name"]])
        assert row["auroc"]["value"] == pytest.approx(area)
        assert row["auroc_difference"]["value"] == pytest.approx(sk.roc_auc_score(labels, logits) - area)
        assert row["auroc"]["low"] < area < row["auroc"]["high"]


def test_differences_use_the_same_resamples(images):
    labels, logits, noise, patients = images
    # A baseline correlated with the model: unpaired, both would vary far more than their difference.
    row = shortcut_metrics(labels, logits, {"shape": logits + 0.3 * noise}, patients)["ablations"][0]
    wide = row["auroc"]["high"] - row["auroc"]["low"]
    assert row["auroc_difference"]["high"] - row["auroc_difference"]["low"] < wide / 2
    differences = []
    for weights in np.concatenate(list(patients.resample())):
        drawn = {"sample_weight": weights}
        differences.append(
            sk.roc_auc_score(labels, logits, **drawn) - sk.roc_auc_score(labels, logits + 0.3 * noise, **drawn)
        )
        if len(differences) == 100:
            break
    # The first 100 of 2,000 resamples estimate the width roughly.
    assert row["auroc_difference"]["high"] - row["auroc_difference"]["low"] == pytest.approx(
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
    sentence, last = result["sentences"]
    assert sentence.startswith("The model is not clearly above this baseline: logistic regression on the image's size")
    assert last == "Nothing here shows that it uses the lungs."


def test_not_clear_if_a_baseline_equals_the_model(images):
    labels, logits, _, patients = images
    result = shortcut_metrics(labels, logits, {"shape": logits}, patients)
    assert result["conclusion"] == "not clear"
    assert result["ablations"][0]["auroc_difference"]["value"] == 0


def test_worse_if_a_baseline_is_clearly_above_the_model(images):
    labels, logits, _, patients = images
    result = shortcut_metrics(labels, logits, {"shape": logits + 2 * labels, "statistics": logits}, patients)
    assert result["conclusion"] == "worse"
    worse, not_clear, _ = result["sentences"]
    assert not_clear.startswith("The model is not clearly above this baseline: ")
    model = sk.roc_auc_score(labels, logits)
    assert worse.startswith(f"The model, AUROC {model:.3f}, is worse than a rule that sees no lungs: ")


def test_baselines_above_the_model_share_a_sentence(images):
    labels, logits, _, patients = images
    result = shortcut_metrics(labels, logits, {"shape": logits + 2 * labels, "statistics": logits + labels}, patients)
    sentence, _ = result["sentences"]
    assert "is worse than rules that see no lungs: logistic regression on eight" in sentence
    assert "; logistic regression on the image's size and mode, AUROC " in sentence


def test_reports_ablations_above_chance(images):
    labels, logits, noise, patients = images
    ablations = {"statistics": noise, "border_only": noise + labels, "centre_masked": noise}
    result = shortcut_metrics(labels, logits, ablations, patients)
    # Ablations do not affect the comparison with the baselines.
    assert result["conclusion"] == "clear"
    assert ["(border only)" in sentence for sentence in result["sentences"]] == [False, True]


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
    assert result["ablations"][0]["auroc_difference"]["value"] == 1
    assert result["conclusion"] == "not clear"
