"""Metrics by which runs can be compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xray.compare.images import AlignedRun
from xray.evaluation import registry
from xray.evaluation.arrays import Labels, ResampleValues, Weights
from xray.evaluation.metrics import Resamples, ScoredImages

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
    images = ScoredImages(labels, run.logits, run.decisions, run.temperature)
    return lambda weights: registry.METRICS[metric].compute(Resamples(images, weights))
