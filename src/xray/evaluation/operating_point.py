"""The operating point: from which probability an image is called positive; chosen on validation images only."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from xray.evaluation.ranking import Labels, Ranking, Scores
from xray.utils.errors import UserError

Rule = Literal["youden", "sensitivity", "specificity", "cost"]


@dataclass(frozen=True)
class OperatingPoint:
    """How the threshold is chosen on the validation images.

    Args:
        rule: "youden" maximises sensitivity + specificity (Youden, Cancer 3 (1950) 32); "sensitivity" keeps at least
            `target` of it, with as much specificity as that leaves; "specificity" likewise the other way round; "cost"
            minimises the cost of errors where a missed positive costs `target` times as much as a false alarm.
        target: A share from 0 to 1, or for "cost" a ratio above 0; "youden" has none.
    """

    rule: Rule = "youden"
    target: float | None = None

    def __post_init__(self) -> None:
        key = "model.operating_point.target"
        if self.rule == "youden":
            if self.target is not None:
                raise UserError(f"{key} {self.target} says nothing to the rule youden: leave it out, or take another.")
        elif self.target is None:
            raise UserError(f"{key} is missing: the rule {self.rule} needs one, such as {_example(self.rule)}.")
        elif self.rule == "cost":
            if not 0 < self.target <= 1e6:
                raise UserError(f"{key} {self.target} is no ratio of costs: it must be above 0, such as 5.")
        elif not 0 < self.target <= 1:
            raise UserError(f"{key} {self.target} is out of range: a {self.rule} lies between 0 and 1, such as 0.95.")

    @property
    def description(self) -> str:
        """The rule in words."""
        return {
            "youden": "highest sum of sensitivity and specificity (Youden)",
            "sensitivity": f"sensitivity of at least {self.target:g}" if self.target else "",
            "specificity": f"specificity of at least {self.target:g}" if self.target else "",
            "cost": f"lowest cost, a missed positive counting {self.target:g} times a false alarm"
            if self.target
            else "",
        }[self.rule]


def choose_threshold(labels: Labels, probability: Scores, point: OperatingPoint) -> float:
    """The probability from which images are called positive.

    Candidates lie half way between neighbouring probabilities of the images, so that no image lies on one, and at the
    ends. Among candidates that are equally good the one nearest to what the rule would take of a calibrated model
    wins: one half, or for costs 1 / (1 + ratio); of two that are equally near, the upper one.

    Args:
        labels: 0 or 1, shape (images,), of both classes.
        probability: Calibrated probabilities, shape (images,).
        point: The rule.

    Returns:
        From 0 to 1.
    """
    ranking = Ranking.of(labels, probability)
    called = ranking.called()
    sensitivity, specificity = called.sensitivity[0], 1 - called.false_positive_rate[0]
    if point.rule == "youden":
        merit = sensitivity + specificity
    elif point.rule == "cost":
        assert point.target is not None, "checked when it was made"
        merit = -(point.target * (called.true[0, -1] - called.true[0]) + called.false[0])
    else:
        asked, other = (sensitivity, specificity) if point.rule == "sensitivity" else (specificity, sensitivity)
        assert point.target is not None, "checked when it was made"
        # A share of images that is met but for rounding is met. None meets it where negatives have probability 1 and
        # all specificity is asked for: then as much of it as can be had, below all that would meet it.
        merit = np.where(asked >= point.target - 1e-12, 1 + other, asked)
    # From above all images to below all. Where no number fits in between, the upper neighbour parts them as well; above
    # images of probability 1 there is none.
    above, below = np.append(1.0, ranking.scores), np.append(ranking.scores, 0.0)
    middle = (above + below) / 2
    candidates = np.where(middle > below, middle, above)
    merit[0] = merit[0] if ranking.scores[0] < 1 else -np.inf
    wanted = 1 / (1 + point.target) if point.rule == "cost" and point.target else 0.5
    best = np.flatnonzero(merit >= merit.max() - 1e-12)
    return float(candidates[best[np.argmin(np.abs(candidates[best] - wanted))]])


def _example(rule: Rule) -> str:
    return "5" if rule == "cost" else "0.95"
