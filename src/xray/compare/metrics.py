"""Metrics by which runs can be compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xray.compare.images import AlignedRun
from xray.evaluation.arrays import Labels, ResampleValues, Weights
from xray.evaluation.calibration import probability_of
from xray.evaluation.metrics import decision_metrics, ranking_metrics
from xray.evaluation.ranking import Ranking, divide

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
class MetricInfo:
    """Title of a metric, what it is computed from, and its direction."""

    title: str
    computed_from: Literal["ranking", "decision", "probability"]
    higher_is_better: bool = True


METRICS: dict[Metric, MetricInfo] = {
    "auroc": MetricInfo("AUROC", "ranking"),
    "average_precision": MetricInfo("Average precision", "ranking"),
    "sensitivity": MetricInfo("Sensitivity", "decision"),
    "specificity": MetricInfo("Specificity", "decision"),
    "balanced_accuracy": MetricInfo("Balanced accuracy", "decision"),
    "accuracy": MetricInfo("Accuracy", "decision"),
    "mcc": MetricInfo("MCC", "decision"),
    "f1": MetricInfo("F1", "decision"),
    "brier": MetricInfo("Brier score", "probability", higher_is_better=False),
}
"""Metrics that can be compared. Left out: the expected calibration error, which resampling overestimates, and metrics
that may be infinite."""


def weighted_metric(metric: Metric, labels: Labels, run: AlignedRun) -> Callable[[Weights], ResampleValues]:
    """Return a run's metric as a function of image weights: (resamples, images) to (resamples,)."""
    computed_from = METRICS[metric].computed_from
    if computed_from == "ranking":
        ranking = Ranking.of(labels, run.logits)
        return lambda weights: ranking_metrics(ranking, weights)[metric]
    if computed_from == "decision":
        return lambda weights: decision_metrics(labels, run.decisions, weights)[metric]
    squares = (probability_of(run.logits, run.temperature) - labels) ** 2
    return lambda weights: divide(weights @ squares, weights.sum(axis=1))
