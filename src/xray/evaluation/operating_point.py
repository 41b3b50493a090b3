"""The operating point: how the decision threshold is chosen on validation images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.ranking import Ranking
from xray.utils.errors import UserError

Rule = Literal["youden", "sensitivity", "specificity", "cost"]


@dataclass(frozen=True)
class OperatingPoint:
    """How the threshold is chosen on the validation images.

    Args:
        rule: "youden" maximises sensitivity + specificity (Youden, Cancer 3 (1950) 32); "sensitivity" maximises the
            specificity at a sensitivity of at least `target`; "specificity" is the reverse; "cost" minimises the cost
            of errors if a false negative costs `target` times as much as a false positive.
        target: A share from 0 to 1, or for "cost" a ratio above 0; not used by "youden".
    """

    rule: Rule = "youden"
    target: float | None = None

    def __post_init__(self) -> None:
        key = "model.operating_point.target"
        if self.rule == "youden":
            if self.target is not None:
                raise UserError(f"{key} {self.target} has no effect with the rule youden: leave it out.", 2)
        elif self.target is None:
            example = "5" if self.rule == "cost" else "0.95"
            raise UserError(f"{key} is missing: the rule {self.rule} needs it, such as {example}.", 2)
        elif self.rule == "cost":
            if not 0 < self.target <= 1e6:
                raise UserError(f"{key} {self.target} is not a valid cost ratio: it must be above 0, such as 5.", 2)
        elif not 0 < self.target <= 1:
            raise UserError(f"{key} {self.target} is out of range: a {self.rule} is between 0 and 1, such as 0.95.", 2)

    @property
    def description(self) -> str:
        """The rule as text."""
        if self.rule == "youden":
            return "highest sum of sensitivity and specificity (Youden)"
        if self.rule == "cost":
            return f"lowest cost, a missed positive counting {self.target:g} times a false alarm"
        return f"{self.rule} of at least {self.target:g}"


def choose_threshold(labels: Labels, probability: Scores, point: OperatingPoint) -> float:
    """Choose the probability, 0 to 1, from which images are predicted positive; needs images of both classes.

    Candidates are the midpoints between neighbouring probabilities, so that no image is exactly on the threshold, and
    one at each end. Ties go to the candidate nearest to the optimum of a perfectly calibrated model (0.5, or
    1 / (1 + ratio) for costs), then to the upper one.
    """
    ranking = Ranking.of(labels, probability)
    counts = ranking.positive_counts()
    sensitivity, specificity = counts.sensitivity[0], 1 - counts.false_positive_rate[0]
    ideal = 0.5
    if point.target is None:  # the rule youden
        merit = sensitivity + specificity
    elif point.rule == "cost":
        merit = -(point.target * (counts.true[0, -1] - counts.true[0]) + counts.false[0])
        ideal = 1 / (1 + point.target)
    else:
        fixed, other = (sensitivity, specificity) if point.rule == "sensitivity" else (specificity, sensitivity)
        # The tolerance is for rounding. If no threshold reaches the target (specificity 1 with negatives of probability
        # 1), take the closest one; such candidates rank below all that reach it.
        merit = np.where(fixed >= point.target - 1e-12, 1 + other, fixed)
    # Candidates from above all images to below all. If two probabilities have no float between them, the upper one
    # separates them too; above a probability of 1 there is no candidate.
    above, below = np.append(1.0, ranking.scores), np.append(ranking.scores, 0.0)
    middle = (above + below) / 2
    candidates = np.where(middle > below, middle, above)
    merit[0] = merit[0] if ranking.scores[0] < 1 else -np.inf
    best = np.flatnonzero(merit >= merit.max() - 1e-12)
    return float(candidates[best[np.argmin(np.abs(candidates[best] - ideal))]])
