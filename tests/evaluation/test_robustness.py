"""Figures under corruption against scikit-learn."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sk

from xray.evaluation.resampling import Patients
from xray.evaluation.robustness import robustness_figures

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    number = np.repeat(np.arange(60), 2)
    labels = number % 2
    logits = rng.normal(4 * labels - 2, 2.0)
    # Not in order, and with a name that has a line in it.
    corrupted = {
        f"{name}_{strength}": logits + rng.normal(0, strength, 120) - strength / 2
        for name in ("motion_blur", "noise")
        for strength in (3, 1, 10)
    }
    return labels, logits, corrupted, Patients.of([str(i) for i in number], labels)


def test_each_strength_has_its_figures_at_the_operating_point_of_clean_images(images):
    labels, logits, corrupted, patients = images
    found = robustness_figures(labels, logits, corrupted, 1.5, 0.4, patients)
    assert set(found) == {"motion_blur", "noise"}
    for name, rows in found.items():
        assert [row["strength"] for row in rows] == [0, 1, 3, 10]
        for row in rows:
            changed = corrupted[f"{name}_{row['strength']}"] if row["strength"] else logits
            decisions = expit(changed / 1.5) >= 0.4
            expected = {
                "auroc": sk.roc_auc_score(labels, changed),
                "sensitivity": sk.recall_score(labels, decisions),
                "specificity": sk.recall_score(labels, decisions, pos_label=0),
            }
            assert set(row) == {"strength", *expected}
            for figure, value in expected.items():
                assert row[figure]["value"] == pytest.approx(value)
                assert row[figure]["low"] <= value <= row[figure]["high"]


def test_images_that_are_not_changed_keep_their_figures(images):
    labels, logits, _, patients = images
    clean, same = robustness_figures(labels, logits, {"noise_1": logits}, 1.0, 0.5, patients)["noise"]
    assert {**clean, "strength": 1} == same


def test_without_corrupted_images_there_is_nothing(images):
    labels, logits, _, patients = images
    assert robustness_figures(labels, logits, {}, 1.0, 0.5, patients) == {}


def test_one_class_has_no_area_and_the_share_that_it_has():
    labels, logits = np.ones(4, dtype=np.int64), np.array([-1.0, 1.0, 2.0, 3.0])
    rows = robustness_figures(labels, logits, {"blur_1": -logits}, 1.0, 0.5, Patients.of(list("abcd"), labels))["blur"]
    assert [row["auroc"]["value"] for row in rows] == [None, None]
    assert [row["specificity"]["value"] for row in rows] == [None, None]
    assert [row["sensitivity"]["value"] for row in rows] == [0.75, 0.25]
