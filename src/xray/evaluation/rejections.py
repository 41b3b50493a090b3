"""Share of images rejected as out-of-distribution (OOD)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.ranking import divide
from xray.evaluation.resampling import Estimate, Patients, estimates
from xray.evaluation.subgroups import Mask, Subgroup


def rejected_images(ood_scores: Mapping[str, Scores], images: int) -> Mask:
    """Return whether any OOD score of each image (its distance as a multiple of the limit) is above 1."""
    rejected: Mask = np.any([np.zeros(images, dtype=bool), *(values > 1 for values in ood_scores.values())], axis=0)
    return rejected


def rejection_metrics(
    labels: Labels,
    ood_scores: Mapping[str, Scores],
    patients: Patients,
    class_names: Sequence[str],
    why_unchecked: str = "",
) -> dict[str, Any]:
    """Count the rejected images, by class and by OOD score; with a sentence for the report.

    Args:
        labels: Labels, 0 or 1.
        ood_scores: OOD scores by name; empty if there are none.
        patients: The patient of each image.
        class_names: Negative class, positive class.
        why_unchecked: Why the checkpoint has no OOD detector, as a clause; empty if it has, or where it is unknown.
    """
    if not ood_scores:
        unknown = (
            "The number of rejected images was not recorded. Either the checkpoint has no OOD detector, so that no "
            "image was rejected, or the images were scored by an earlier version of xray, which did not record it."
        )
        return {
            "rejected": None,
            "share": Estimate(None, reason=why_unchecked or "not recorded").as_dict(),
            "rejected_by_class": {},
            "rejected_by_distance": {},
            "sentence": f"No image was rejected by an OOD check: {why_unchecked}." if why_unchecked else unknown,
        }
    rejected = rejected_images(ood_scores, len(labels))
    share = estimates(
        patients,
        lambda weights: {"rejected": divide(weights @ rejected, weights.sum(axis=1))},
        trials={"rejected": len(np.unique(patients.number))},
    )["rejected"]
    by_class = {name: int(rejected[labels == i].sum()) for i, name in enumerate(class_names)}
    return {
        "rejected": int(rejected.sum()),
        "share": share.as_dict(),
        "rejected_by_class": by_class,
        "rejected_by_distance": {name: int((values > 1).sum()) for name, values in ood_scores.items()},
        "sentence": _sentence(share, labels, by_class),
    }


def accepted_subgroup(ood_scores: Mapping[str, Scores], images: int) -> list[Subgroup]:
    """Return the subgroup of images that are not rejected; empty if none is rejected."""
    rejected = rejected_images(ood_scores, images)
    if not rejected.any():
        return []
    return [Subgroup("Not rejected by the OOD detector", "accepted", ~rejected)]


def _sentence(share: Estimate, labels: Labels, by_class: Mapping[str, int]) -> str:
    counts = " and ".join(
        f"{n:,} of {int((labels == i).sum()):,} {name}" for i, (name, n) in enumerate(by_class.items())
    )
    value = "not defined" if share.value is None else f"{share.value:.1%}"
    interval = "no interval" if share.low is None else f"95% interval {share.low:.1%} to {share.high:.1%}"
    return (
        "predict, explain and serve would reject as out-of-distribution (checkpoint as it was when scored): "
        f"{counts}, {value} ({interval}). All other metrics include these images."
    )
