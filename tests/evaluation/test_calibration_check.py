"""When probabilities are called calibrated."""

import re

import pytest

from xray.evaluation.calibration_check import check_calibration
from xray.evaluation.resampling import Estimate

GOOD = {"calibration_slope": Estimate(1.1, 0.8, 1.5), "calibration_intercept": Estimate(-0.1, -0.4, 0.2)}


def fitted_on(*images_by_class):
    return {"fitted_on": {"images_by_class": list(images_by_class) or None}}


@pytest.mark.parametrize(
    ("metrics", "decision", "conclusion", "reason"),
    [
        ({}, fitted_on(60, 50), "no error found", "as they should be"),
        ({}, fitted_on(), "no error found", "as they should be"),  # of an old checkpoint
        ({}, None, "no error found", "as they should be"),
        ({"calibration_slope": Estimate(1.8, 1.01, 2.6)}, fitted_on(60, 50), "off", r"slope 1\.80 \(1\.01 to 2\.60\)"),
        ({"calibration_intercept": Estimate(-0.9, -1.2, -0.5)}, fitted_on(9, 9), "off", r"intercept -0\.90"),
        ({}, fitted_on(200, 49), "few images", "fitted on 49 images"),
        (
            {"calibration_slope": Estimate(None, None, None, "no overlap")},
            fitted_on(60, 50),
            "unknown",
            "slope is undefined",
        ),
    ],
)
def test_conclusion(metrics, decision, conclusion, reason):
    result = check_calibration(GOOD | metrics, decision, images=100)
    assert result["conclusion"] == conclusion
    assert re.search(reason, result["reason"])
