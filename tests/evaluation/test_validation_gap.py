"""Sensitivity and specificity beside those on the validation images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from xray.evaluation.resampling import Estimate
from xray.evaluation.validation_gap import BOOTSTRAP, WILSON, validation_gap, wilson_interval

HERE = {"sensitivity": Estimate(0.95, 0.9, 0.98), "specificity": Estimate(0.62, 0.55, 0.69)}
DECISION = {
    "sensitivity": 0.96,
    "specificity": 1.0,
    "sensitivity_interval": [0.92, 0.99],
    "specificity_interval": [0.97, 1.0],
    "fitted_on": {"images": 300, "fingerprint": "0f"},
}
SOURCE = {"set": "test", "external": True, "checkpoint": "a b/best.ckpt", "decision": DECISION}


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_interval_is_that_of_scipy(trials, share):
    positives = round(share * trials)
    expected = binomtest(positives, trials).proportion_ci(method="wilson")
    assert wilson_interval(positives / trials, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_names_the_share_that_differs_with_both_intervals():
    gap = validation_gap(HERE, SOURCE, 150)
    assert gap["interval"] == BOOTSTRAP
    assert gap["differs"] == {"sensitivity": False, "specificity": True}
    assert gap["validation"]["specificity"] == {"value": 1.0, "low": 0.97, "high": 1.0}
    first, last = gap["sentences"]
    assert first == (
        "On these images specificity is 0.62 (0.55 to 0.69); on the validation images on which the threshold was "
        "chosen it was 1.00 (0.97 to 1.00)."
    )
    assert "python -m xray calibrate --ckpt_path 'a b/best.ckpt' --data.root DIR" in last


def test_an_internal_test_is_not_calibrated_on():
    last = validation_gap(HERE, SOURCE | {"external": False}, 150)["sentences"][-1]
    assert "does not carry over" in last
    assert "calibrate" not in last


def test_better_than_on_validation_is_no_fault_of_the_threshold():
    better = DECISION | {"specificity": 0.4, "specificity_interval": [0.3, 0.5]}
    sentences = validation_gap(HERE, SOURCE | {"decision": better}, 150)["sentences"]
    assert "easier" in sentences[-1]


@pytest.mark.parametrize("interval", [[0.6, 0.8], [0.65, 0.9]])
def test_values_within_one_of_the_intervals_do_not_differ(interval):
    """The value lies in the other's interval only in the first case, the other's value in ours in the second."""
    decision = DECISION | {"specificity": 0.68, "specificity_interval": interval}
    gap = validation_gap(HERE, SOURCE | {"decision": decision}, 150)
    assert gap["differs"]["specificity"] is False
    assert gap["sentences"] == []


def old_decision(fingerprint="0f"):
    """Return the source of a checkpoint whose decision has no intervals."""
    values = {key: value for key, value in DECISION.items() if not key.endswith("_interval")}
    split = {"images_by_class": {"NORMAL": 117, "PNEUMONIA": 183}, "fingerprint": fingerprint}
    return SOURCE | {"decision": values, "training_data": {"splits": {"val": split}}}


def test_old_decisions_get_wilson_intervals():
    gap = validation_gap(HERE, old_decision(), 150)
    assert gap["interval"] == WILSON
    low, high = wilson_interval(1.0, 117)
    assert gap["validation"]["specificity"] == {"value": 1.0, "low": low, "high": high}
    assert gap["differs"] == {"sensitivity": False, "specificity": True}


def test_no_conclusion_without_intervals():
    elsewhere = validation_gap(HERE, old_decision("calibrated on other images"), 150)
    assert elsewhere["interval"] is None
    assert elsewhere["differs"] == {"sensitivity": None, "specificity": None}
    one_class = validation_gap(HERE | {"specificity": Estimate(None, reason="not defined")}, SOURCE, 150)
    assert one_class["differs"]["specificity"] is None
    assert elsewhere["sentences"] == one_class["sentences"] == []


@pytest.mark.parametrize("changes", [{"set": "validate"}, {"decision": None}])
def test_not_for_validation_images_or_without_a_decision(changes):
    assert validation_gap(HERE, SOURCE | changes, 150) == {}
