"""Metrics under corruption against scikit-learn."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn import metrics as sk

from xray.evaluation.resampling import Patients
from xray.evaluation.robustness import robustness_metrics
from xray.evaluation.scaling import Scaling

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    number = np.repeat(np.arange(60), 2)
    labels = number % 2
    logits = rng.normal(4 * labels - 2, 2.0)
    # Not in order, and with an underscore in a name.
    corrupted = {
        f"{name}_{strength}": logits + rng.normal(0, strength, 120) - strength / 2
        for name in ("motion_blur", "noise")
        for strength in (3, 1, 10)
    }
    return labels, logits, corrupted, Patients.of([str(i) for i in number], labels)


def test_metrics_at_each_strength_match_scikit_learn(images):
    labels, logits, corrupted, patients = images
    result = robustness_metrics(labels, logits, corrupted, Scaling(1.5), 0.4, patients)
    assert set(result) == {"motion_blur", "noise"}
    for name, rows in result.items():
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
            for metric, value in expected.items():
                assert row[metric]["value"] == pytest.approx(value)
                assert row[metric]["low"] <= value <= row[metric]["high"]


def test_unchanged_images_give_unchanged_metrics(images):
    labels, logits, _, patients = images
    clean, same = robustness_metrics(labels, logits, {"noise_1": logits}, Scaling(), 0.5, patients)["noise"]
    assert {**clean, "strength": 1} == same


def test_empty_without_corrupted_images(images):
    labels, logits, _, patients = images
    assert robustness_metrics(labels, logits, {}, Scaling(), 0.5, patients) == {}


def test_one_class_has_no_auroc():
    labels, logits = np.ones(4, dtype=np.int64), np.array([-1.0, 1.0, 2.0, 3.0])
    patients = Patients.of(list("abcd"), labels)
    rows = robustness_metrics(labels, logits, {"blur_1": -logits}, Scaling(), 0.5, patients)["blur"]
    assert [row["auroc"]["value"] for row in rows] == [None, None]
    assert [row["specificity"]["value"] for row in rows] == [None, None]
    assert [row["sensitivity"]["value"] for row in rows] == [0.75, 0.25]
