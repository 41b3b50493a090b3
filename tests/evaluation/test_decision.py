"""Decisions fitted on validation images."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, roc_auc_score

from xray.evaluation.decision import INTERVALS, Decision, ValidationImages, fit_decision
from xray.evaluation.metrics import main_metrics
from xray.evaluation.operating_point import OperatingPoint
from xray.evaluation.resampling import Patients, estimates

ON = ValidationImages("images", "blocks", 60, 40, "0f", ("Left out 1 of 61 images.",))
PATIENTS = [str(i // 2) for i in range(60)]
POINTS = [
    OperatingPoint(),
    OperatingPoint("sensitivity", 0.9),
    OperatingPoint("specificity", 0.9),
    OperatingPoint("cost", 5.0),
]


def images(seed=0, n=60):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3 > 0).astype(np.int64)
    return labels, np.round(rng.normal(3.0 * labels - 1, 2.5), 2)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.rule)
def test_decision_records_its_validation_metrics(point):
    labels, logits = images()
    decision = fit_decision(labels, logits, point, ON, PATIENTS)
    predicted = decision.scaling.probability(logits) >= decision.threshold
    tn, fp, fn, tp = confusion_matrix(labels, predicted).ravel()
    assert decision.sensitivity == pytest.approx(tp / (tp + fn))
    assert decision.specificity == pytest.approx(tn / (tn + fp))
    assert decision.auroc == pytest.approx(roc_auc_score(labels, logits))
    assert (decision.rule, decision.target, decision.description) == (point.rule, point.target, point.description)
    assert decision.fitted_on == ON
    if point.rule in {"sensitivity", "specificity"}:
        assert getattr(decision, point.rule) >= 0.9


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.sampled_from(POINTS))
def test_decision_survives_float32_and_json(seed, point):
    labels, logits = images(seed)
    decision = fit_decision(labels, logits, point, ON, PATIENTS)
    assert float(np.float32(decision.temperature)) == decision.temperature
    assert float(np.float32(decision.threshold)) == decision.threshold
    assert Decision.from_dict(json.loads(json.dumps(decision.as_dict()))) == decision


def test_intervals_are_those_of_a_report_on_the_same_images():
    labels, logits = images()
    decision = fit_decision(labels, logits, OperatingPoint(), ON, PATIENTS)
    predicted = (decision.scaling.probability(logits) >= decision.threshold).astype(np.int64)
    expected = estimates(Patients.of(PATIENTS, labels), main_metrics(labels, logits, predicted))
    for name in ("sensitivity", "specificity"):
        assert getattr(decision, f"{name}_interval") == (expected[name].low, expected[name].high)


def test_reads_a_decision_without_intervals():
    labels, logits = images()
    values = fit_decision(labels, logits, OperatingPoint(), ON, PATIENTS).as_dict()
    old = {key: value for key, value in values.items() if not key.endswith("_interval")}
    assert Decision.from_dict(old).as_dict() == values | dict.fromkeys(INTERVALS)


def test_temperature_cancels_the_scale_of_logits():
    labels, logits = images()
    plain, sure = (fit_decision(labels, scale * logits, OperatingPoint(), ON, PATIENTS) for scale in (1, 2))
    assert sure.temperature == pytest.approx(2 * plain.temperature, rel=1e-4)
    assert sure.threshold == pytest.approx(plain.threshold, abs=1e-4)
    assert (sure.sensitivity, sure.specificity) == (plain.sensitivity, plain.specificity)
