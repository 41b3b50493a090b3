"""Metrics of a run against scikit-learn."""

from typing import get_args

import numpy as np
import pytest
from sklearn import metrics as sk
from tests.compare.conftest import draw, shared

from xray.compare.metrics import METRICS, Metric, weighted_metric


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


def test_every_metric_of_the_option_is_in_the_table():
    assert get_args(Metric) == tuple(METRICS)


@pytest.mark.parametrize("metric", METRICS)
def test_weighted_metric_matches_scikit_learn(metric):
    labels, patients, logits = draw()
    run = shared(labels, patients, logits, thresholds=[0.7]).runs[0]
    weights = np.random.default_rng(1).integers(0, 4, (5, len(labels))).astype(float)
    expected = [of_scikit_learn(labels, logits, run.decisions, counts)[metric] for counts in weights]
    np.testing.assert_allclose(weighted_metric(metric, labels, run)(weights), expected)


@pytest.mark.parametrize("metric", METRICS)
def test_direction_of_each_metric(metric):
    labels, patients, noise = draw(strength=0)
    worse, better = shared(labels, patients, noise, noise + 8 * (labels - 0.5)).runs
    one = np.ones((1, len(labels)))
    gain = weighted_metric(metric, labels, better)(one) - weighted_metric(metric, labels, worse)(one)
    assert (gain > 0) == METRICS[metric].higher_is_better
