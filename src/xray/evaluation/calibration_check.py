"""Whether the probabilities of a scored set can be called calibrated."""

from collections.abc import Mapping
from typing import Any, Final

from xray.evaluation.resampling import Estimate
from xray.utils.text import decimals

MIN_TO_CALIBRATE: Final = 50
"""Validation images of a class below which scaling and threshold are imprecise: the 95% interval (Wilson) of a
sensitivity of 0.9 on 50 images is 0.79 to 0.96."""
BEST: Final = {"calibration_slope": 1.0, "calibration_intercept": 0.0}
"""Metrics that say whether probabilities are right, with their best values."""


def check_calibration(
    metrics: Mapping[str, Estimate], decision: Mapping[str, Any] | None, images: int
) -> dict[str, str | None]:
    """Return whether calibration slope and intercept agree with their best values.

    Args:
        metrics: Slope and intercept on the scored images.
        decision: How the scaling was fitted, see `xray.evaluation.decision.Decision`; None for other models' tables.
        images: Number of scored images, for the number of decimals.

    Returns:
        `conclusion`: "off" if an interval lies beside the best value, "few images" if the scaling was fitted on fewer
        than `MIN_TO_CALIBRATE` images of a class, "unknown" if slope or intercept is undefined, else "no error found".
        `reason`: one clause.
    """
    off = [name for name, best in BEST.items() if _is_beside(metrics[name], best)]
    if off:
        texts = [f"{name.removeprefix('calibration_')} {metrics[name].text(decimals(images))}" for name in off]
        return {"conclusion": "off", "reason": " and ".join(texts)}
    by_class = ((decision or {}).get("fitted_on") or {}).get("images_by_class")
    if by_class and min(by_class) < MIN_TO_CALIBRATE:
        return {"conclusion": "few images", "reason": f"fitted on {min(by_class)} images of a class"}
    undefined = [name for name in BEST if metrics[name].low is None]
    if undefined:
        return {"conclusion": "unknown", "reason": f"the {undefined[0].removeprefix('calibration_')} is undefined"}
    return {"conclusion": "no error found", "reason": "slope and intercept as they should be"}


def _is_beside(metric: Estimate, best: float) -> bool:
    return metric.low is not None and metric.high is not None and not metric.low <= best <= metric.high
