"""Images that look too unlike the training images to be answered; functions on arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xray.evaluation.ranking import Labels, Scores, Values, Weights, divide
from xray.evaluation.resampling import Estimate, Patients, estimates
from xray.evaluation.subgroups import Mask, Subgroup


def rejected_images(ood_scores: Mapping[str, Scores], images: int) -> Mask:
    """Whether each image is rejected: where any distance is beyond its limit.

    Args:
        ood_scores: Distances from the training images as multiples of their limits, by name, each of shape (images,).
        images: How many there are.
    """
    rejected: Mask = np.any([np.zeros(images, dtype=bool), *(values > 1 for values in ood_scores.values())], axis=0)
    return rejected


def rejection_figures(
    labels: Labels, ood_scores: Mapping[str, Scores], patients: Patients, class_names: Sequence[str]
) -> dict[str, Any]:
    """How many images are rejected, of which class and by which distance.

    Args:
        labels: 0 or 1, shape (images,).
        ood_scores: As for `rejected_images`.
        patients: Whose images they are.
        class_names: Negative class, positive class.

    Returns:
        Plain values for JSON, and the sentence that says them; without distances on record nothing is known.
    """
    if not ood_scores:
        reason = "not on record"
        return {
            "rejected": None,
            "share": Estimate(None, reason=reason).as_dict(),
            "rejected_by_class": {},
            "rejected_by_distance": {},
            "sentence": (
                "How many images would be rejected is not on record: the checkpoint has no OOD detector and rejects none, "
                "or they were scored by an earlier version."
            ),
        }
    rejected = rejected_images(ood_scores, len(labels))

    def figures(weights: Weights) -> dict[str, Values]:
        return {"rejected": divide(weights @ rejected, weights.sum(axis=1))}

    everyone = len(np.unique(patients.number))
    share = estimates(patients, figures, trials={"rejected": everyone})["rejected"]
    by_class = {name: int(rejected[labels == i].sum()) for i, name in enumerate(class_names)}
    return {
        "rejected": int(rejected.sum()),
        "share": share.as_dict(),
        "rejected_by_class": by_class,
        "rejected_by_distance": {name: int((values > 1).sum()) for name, values in ood_scores.items()},
        "sentence": _sentence(share, labels, by_class),
    }


def by_rejection(ood_scores: Mapping[str, Scores], images: int) -> list[Subgroup]:
    """The images that are answered, where others are rejected."""
    rejected = rejected_images(ood_scores, images)
    if not rejected.any():
        return []
    return [Subgroup("OOD detector, what predict, explain and serve answer", "answered", ~rejected)]


def _sentence(share: Estimate, labels: Labels, by_class: Mapping[str, int]) -> str:
    counts = " and ".join(
        f"{n:,} of {int((labels == i).sum()):,} {name}" for i, (name, n) in enumerate(by_class.items())
    )
    value = "not defined" if share.value is None else f"{share.value:.1%}"
    interval = "no interval" if share.low is None else f"95% interval {share.low:.1%} to {share.high:.1%}"
    return (
        f"Unlike the training images, and rejected by predict, explain and serve with this checkpoint as it was then: "
        f"{counts}, {value} ({interval}). The other figures count them like all images."
    )
