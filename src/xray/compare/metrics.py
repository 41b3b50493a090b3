"""The figures in which runs can be compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xray.compare.images import Contender
from xray.evaluation.calibration import probability_of
from xray.evaluation.metrics import decision_figures, ranking_figures
from xray.evaluation.ranking import Labels, Ranking, Values, Weights, divide

Metric = Literal[
    "auroc",
    "average_precision",
    "sensitivity",
    "specificity",
    "balanced_accuracy",
    "accuracy",
    "mcc",
    "f1",
    "brier",
]


@dataclass(frozen=True)
class Figure:
    """How a figure is called, what it is computed from, and which way it is better."""

    title: str
    family: Literal["ranking", "decision", "probability"]
    higher_is_better: bool = True


METRICS: dict[Metric, Figure] = {
    "auroc": Figure("AUROC", "ranking"),
    "average_precision": Figure("Average precision", "ranking"),
    "sensitivity": Figure("Sensitivity", "decision"),
    "specificity": Figure("Specificity", "decision"),
    "balanced_accuracy": Figure("Balanced accuracy", "decision"),
    "accuracy": Figure("Accuracy", "decision"),
    "mcc": Figure("MCC", "decision"),
    "f1": Figure("F1", "decision"),
    "brier": Figure("Brier score", "probability", higher_is_better=False),
}
"""Not among them: the expected calibration error, whose resamples overstate it, and figures that may be infinite."""


def values_of(metric: Metric, labels: Labels, run: Contender) -> Callable[[Weights], Values]:
    """A run's figure as a function of how often each image counts: (resamples, images) to (resamples,)."""
    family = METRICS[metric].family
    if family == "ranking":
        ranking = Ranking.of(labels, run.logits)
        return lambda weights: ranking_figures(ranking, weights)[metric]
    if family == "decision":
        return lambda weights: decision_figures(labels, run.decisions, weights)[metric]
    squares = (probability_of(run.logits, run.temperature) - labels) ** 2
    return lambda weights: divide(weights @ squares, weights.sum(axis=1))
