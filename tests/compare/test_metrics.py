"""Metrics of a run against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk
from tests.compare.conftest import draw, shared

from xray.compare.metrics import compared_metrics, metrics_of
from xray.evaluation.registry import METRICS
from xray.utils.errors import UserError

COMPARABLE = ["auroc", "average_precision", "sensitivity", "specificity", "balanced_accuracy", "accuracy", "mcc", "f1"]
COMPARABLE += ["brier"]


def of_scikit_learn(labels, logits, decisions, counts):
    probability = 1 / (1 + np.exp(-logits / 1.3))
    given = {"sample_weight": counts}
    return {
        "auroc": sk.roc_auc_score(labels, logits, **given),
        "average_precision": sk.average_precision_score(labels, logits, **given),
        "sensitivity": sk.recall_score(labels, decisions, **given),
        "specificity": sk.recall_score(labels, decisions, pos_label=0, **given),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, decisions, **given),
        "accuracy": sk.accuracy_score(labels, decisions, **given),
        "mcc": sk.matthews_corrcoef(labels, decisions, **given),
        "f1": sk.f1_score(labels, decisions, **given),
        "brier": sk.brier_score_loss(labels, probability, **given),
    }


def test_metric_asked_for_comes_first():
    always = ["auroc", "sensitivity", "specificity", "balanced_accuracy", "brier"]
    assert compared_metrics("auroc") == always
    assert compared_metrics("f1") == ["f1", *always]
    assert compared_metrics("brier") == ["brier", *always[:-1]]


@pytest.mark.parametrize("name", ["ece", "positive_likelihood_ratio", "calibration_slope", "AUC"])
def test_rejects_a_metric_that_cannot_be_compared(name):
    with pytest.raises(UserError, match=rf"--metric {name} cannot be compared: .*{', '.join(COMPARABLE)}"):
        compared_metrics(name)


def test_metrics_match_scikit_learn():
    labels, patients, logits = draw()
    run = shared(labels, patients, logits, thresholds=[0.7]).runs[0]
    weights = np.random.default_rng(1).integers(0, 4, (5, len(labels))).astype(float)
    expected = [of_scikit_learn(labels, logits, run.decisions, counts) for counts in weights]
    values = metrics_of(run, labels, COMPARABLE)(weights)
    for name in COMPARABLE:
        np.testing.assert_allclose(values[name], [row[name] for row in expected])


def test_direction_of_each_metric():
    labels, patients, noise = draw(strength=0)
    one = np.ones((1, len(labels)))
    worse, better = (
        metrics_of(run, labels, COMPARABLE)(one)
        for run in shared(labels, patients, noise, noise + 8 * (labels - 0.5)).runs
    )
    for name in COMPARABLE:
        assert (better[name] > worse[name]) == METRICS[name].higher_is_better
