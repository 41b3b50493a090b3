"""Compare sensitivity and specificity with those on the validation images that the threshold was chosen on."""

import shlex
from collections.abc import Mapping
from math import sqrt
from statistics import NormalDist
from typing import Any

from xray.evaluation.resampling import LEVEL, Estimate
from xray.utils.text import decimals

SHARES = {"sensitivity": 1, "specificity": 0}
"""The metrics that are compared, each with the class that it is a share of."""
BOOTSTRAP, WILSON = "bootstrap of patients", "Wilson, on the number of validation images of the class"


def validation_gap(metrics: Mapping[str, Estimate], source: Mapping[str, Any], images: int) -> dict[str, Any]:
    """Return how far the decision holds on images that it was not fitted on.

    A share differs if each of the two values lies outside the interval of the other.

    Args:
        metrics: Sensitivity and specificity on the scored images.
        source: Provenance of the scored set, with the checkpoint's decision.
        images: Number of scored images, for the number of decimals.

    Returns:
        The validation values with the method of their intervals, whether each share differs (None if an interval is
        missing), and sentences for the report, empty if none differs. Empty for validation images, and without a
        decision.
    """
    decision = source.get("decision")
    if not decision or source.get("set") == "validate":
        return {}
    method = BOOTSTRAP if any(decision.get(f"{name}_interval") for name in SHARES) else WILSON
    validated = {name: _validated(name, decision, source, method) for name in SHARES}
    differs = {name: _differs(metrics[name], validated[name]) for name in SHARES}
    found = [name for name, is_different in differs.items() if is_different]
    return {
        "interval": method if any(share.low is not None for share in validated.values()) else None,
        "validation": {name: share.as_dict() for name, share in validated.items()},
        "differs": differs,
        "sentences": _sentences(found, metrics, validated, source, decimals(images)),
    }


def wilson_interval(share: float, trials: int) -> tuple[float, float]:
    """Return the 95% score interval of a share (Wilson, Journal of the American Statistical Association 22 (1927) 209).

    >>> [round(end, 3) for end in wilson_interval(0.9, 50)]
    [0.786, 0.957]
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def _validated(name: str, decision: Mapping[str, Any], source: Mapping[str, Any], method: str) -> Estimate:
    share, interval = decision.get(name), decision.get(f"{name}_interval")
    trials = _images_of_class(decision, source, SHARES[name])
    if method == WILSON and share is not None and trials:
        interval = wilson_interval(share, trials)
    return Estimate(share, *(interval or (None, None)))


def _images_of_class(decision: Mapping[str, Any], source: Mapping[str, Any], label: int) -> int | None:
    """Return the number of images of a class that a decision was fitted on; known if they are those of the training."""
    split = ((source.get("training_data") or {}).get("splits") or {}).get("val") or {}
    if not split or split.get("fingerprint") != (decision.get("fitted_on") or {}).get("fingerprint"):
        return None
    return list(split["images_by_class"].values())[label] or None


def _differs(here: Estimate, validated: Estimate) -> bool | None:
    outside = (_is_outside(here, validated), _is_outside(validated, here))
    return None if None in outside else all(outside)


def _is_outside(share: Estimate, other: Estimate) -> bool | None:
    if share.value is None or other.low is None or other.high is None:
        return None
    return not other.low <= share.value <= other.high


def _sentences(
    found: list[str],
    metrics: Mapping[str, Estimate],
    validated: Mapping[str, Estimate],
    source: Mapping[str, Any],
    digits: int,
) -> list[str]:
    if not found:
        return []
    sentences = [
        f"On these images {name} is {metrics[name].text(digits)}; on the validation images on which the threshold "
        f"was chosen it was {validated[name].text(digits)}."
        for name in found
    ]
    if all((metrics[name].value or 0) > (validated[name].value or 0) for name in found):
        return [*sentences, "These images may be easier than others: do not expect as much elsewhere."]
    if not source.get("external"):
        return [*sentences, "The threshold does not carry over: expect the test's figures, not those of validation."]
    command = shlex.join(["python", "-m", "xray", "calibrate", "--ckpt_path", str(source.get("checkpoint"))])
    return [
        *sentences,
        f"The threshold does not carry over: calibrate on other labelled images of this source with '{command} "
        "--data.root DIR'.",
    ]
