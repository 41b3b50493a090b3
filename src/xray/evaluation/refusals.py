"""Films that look too unlike the training films to be answered; functions on arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xray.evaluation.ranking import Labels, Scores, Values, Weights, divide
from xray.evaluation.resampling import Estimate, Patients, estimates
from xray.evaluation.subgroups import Mask, Subgroup


def refused_films(unfamiliarity: Mapping[str, Scores], films: int) -> Mask:
    """Whether each film is refused: where any distance is beyond its limit.

    Args:
        unfamiliarity: Distances from the training films as multiples of their limits, by name, each of shape (films,).
        films: How many there are.
    """
    refused: Mask = np.any([np.zeros(films, dtype=bool), *(values > 1 for values in unfamiliarity.values())], axis=0)
    return refused


def refusal_figures(
    labels: Labels, unfamiliarity: Mapping[str, Scores], patients: Patients, class_names: Sequence[str]
) -> dict[str, Any]:
    """How many films are refused, of which class and by which distance.

    Args:
        labels: 0 or 1, shape (films,).
        unfamiliarity: As for `refused_films`.
        patients: Whose films they are.
        class_names: Negative class, positive class.

    Returns:
        Plain values for JSON, and the sentence that says them; without distances on record nothing is known.
    """
    if not unfamiliarity:
        reason = "not on record"
        return {
            "refused": None,
            "share": Estimate(None, reason=reason).as_dict(),
            "refused_by_class": {},
            "refused_by_distance": {},
            "sentence": (
                "How many films would be refused is not on record: the checkpoint has no familiarity and refuses none, "
                "or they were scored by an earlier version."
            ),
        }
    refused = refused_films(unfamiliarity, len(labels))

    def figures(weights: Weights) -> dict[str, Values]:
        return {"refused": divide(weights @ refused, weights.sum(axis=1))}

    everyone = len(np.unique(patients.number))
    share = estimates(patients, figures, trials={"refused": everyone})["refused"]
    by_class = {name: int(refused[labels == i].sum()) for i, name in enumerate(class_names)}
    return {
        "refused": int(refused.sum()),
        "share": share.as_dict(),
        "refused_by_class": by_class,
        "refused_by_distance": {name: int((values > 1).sum()) for name, values in unfamiliarity.items()},
        "sentence": _sentence(share, labels, by_class),
    }


def by_refusal(unfamiliarity: Mapping[str, Scores], films: int) -> list[Subgroup]:
    """The films that are answered, where others are refused."""
    refused = refused_films(unfamiliarity, films)
    if not refused.any():
        return []
    return [Subgroup("Familiarity, what predict, explain and serve answer", "answered", ~refused)]


def _sentence(share: Estimate, labels: Labels, by_class: Mapping[str, int]) -> str:
    counts = " and ".join(
        f"{n:,} of {int((labels == i).sum()):,} {name}" for i, (name, n) in enumerate(by_class.items())
    )
    value = "not defined" if share.value is None else f"{share.value:.1%}"
    interval = "no interval" if share.low is None else f"95% interval {share.low:.1%} to {share.high:.1%}"
    return (
        f"Unlike the training films, and refused by predict, explain and serve with this checkpoint as it was then: "
        f"{counts}, {value} ({interval}). The other figures count them like all films."
    )
