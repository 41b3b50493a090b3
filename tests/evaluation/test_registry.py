"""A metric of one's own: its value, its interval, and what happens where it fails."""

from unittest.mock import patch

import numpy as np
import pytest
from sklearn.metrics import fbeta_score
from tests.evaluation.test_summary import overlapping, scored_set

from xray import register_metric
from xray.evaluation.registry import METRICS
from xray.evaluation.resampling import Patients
from xray.evaluation.summary import summarise
from xray.utils.errors import UserError


@pytest.fixture(autouse=True)
def registry():
    with patch.dict(METRICS):
        yield


def test_interval_is_that_of_images_drawn_with_their_patients():
    @register_metric("f2", "F2", "F-beta with beta 2.")
    def f2(labels, probability, decisions):
        return fbeta_score(labels, decisions, beta=2)

    table = overlapping().table
    labels, decisions = (np.array([name == "PNEUMONIA" for name in column]) for column in (table.label, table.decision))
    resampled = sorted(
        fbeta_score(labels, decisions, beta=2, sample_weight=weights)
        for chunk in Patients.of(table.patient, labels.astype(np.int64)).resample()
        for weights in chunk
    )
    expected = {"value": fbeta_score(labels, decisions, beta=2), "low": resampled[49], "high": resampled[-50]}
    assert summarise(overlapping())["metrics"]["f2"] == pytest.approx(expected)


def test_probabilities_are_calibrated():
    register_metric("mean", "Mean", "Mean probability.")(lambda labels, probability, decisions: probability.mean())
    whole = overlapping()
    assert summarise(whole)["metrics"]["mean"]["value"] == pytest.approx(whole.table.probability.mean())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0])
def test_undefined_metric_has_a_reason(value):
    register_metric("odd", "Odd", "")(lambda labels, probability, decisions: 1 / value if value == 0 else value)
    assert summarise(overlapping())["metrics"]["odd"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "not defined for these images",
    }


def test_undefined_without_images():
    register_metric("mean", "Mean", "")(lambda labels, probability, decisions: probability.mean())
    assert summarise(scored_set([], [], []))["metrics"]["mean"]["value"] is None


@pytest.mark.parametrize("function", [lambda labels: 1, lambda *arrays: "high", lambda *arrays: arrays[0]])
def test_names_the_metric_that_fails(function):
    register_metric("wrong", "Wrong", "")(function)
    with pytest.raises(UserError, match="The metric wrong fails: "):
        summarise(overlapping())


def test_own_metric_may_be_replaced_but_no_other():
    for value in (1.0, 2.0):
        register_metric("mine", "Mine", "")(lambda labels, probability, decisions, value=value: value)
    assert summarise(overlapping())["metrics"]["mine"]["value"] == 2
    with pytest.raises(UserError, match="auroc is a metric of xray"):
        register_metric("auroc", "AUROC", "")
