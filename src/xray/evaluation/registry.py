"""The metrics of a report: one entry each, read by summary, page, model card, terminal and `compare`.

A further metric is one more entry, from outside the package by `register_metric`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from xray.evaluation.arrays import Labels, ResampleValues, Scores
from xray.evaluation.calibration import calibration_intercept, expected_calibration_error
from xray.evaluation.metrics import PREVALENCES, Confusion, Resamples
from xray.evaluation.ranking import divide
from xray.utils.errors import UserError, failure_of

Group = Literal["ranking", "decision", "predictive value", "calibration", "own"]
"""Part of the report that shows a metric; own is for those of `register_metric`."""
MetricFunction = Callable[[Labels, Scores, Labels], float | np.floating]
"""A metric of one's own: labels (0 or 1), calibrated probabilities and decisions (0 or 1), each of shape (images,)."""


@dataclass(frozen=True)
class Metric:
    """One metric of the report.

    Args:
        compute: Returns the metric of each resample, shape (resamples,); NaN where it is not defined.
        title: Name for people.
        meaning: What it is, in one line.
        group: Part of the report that shows it.
        higher_is_better: Its direction; None if neither, as for a slope that should be 1.
        digits: Decimals; the report of a few images shows no more than their number supports.
        percent: Whether it is written as a percentage.
        hub_name: Name by which model hubs know it; if empty, it is not in the card's metadata.
        printed: Whether `test` prints it; the report has all.
        compared: Whether `compare` shows it always, if asked by `--metric`, or never.
        no_interval: Why it has no interval, if so.
    """

    compute: Callable[[Resamples], ResampleValues]
    title: str
    meaning: str
    group: Group
    higher_is_better: bool | None = True
    digits: int = 4
    percent: bool = False
    hub_name: str = ""
    printed: bool = False
    compared: Literal["always", "asked", "never"] = "never"
    no_interval: str = ""


FUNCTION: Final = (
    "It takes labels, probabilities and decisions as arrays, and returns a number, NaN where it is not defined."
)


def register_metric(
    name: str,
    title: str,
    meaning: str,
    higher_is_better: bool = True,
    digits: int = 4,
    percent: bool = False,
    hub_name: str = "",
) -> Callable[[MetricFunction], MetricFunction]:
    """Return a decorator that adds a function on arrays to the metrics of every report.

    The function takes labels, probabilities and decisions, and returns NaN where the metric is not defined. It is also
    called for each bootstrap resample, in which an image that was drawn twice is there twice: that gives the interval.

    Args:
        name: Key in metrics.json, and value of `compare --metric`.
        title: Name for people.
        meaning: What it is, in one line.
        higher_is_better: Its direction.
        digits: Decimals; the report of a few images shows no more than their number supports.
        percent: Whether to write it as a percentage.
        hub_name: Name by which model hubs know it; by default `name`.

    Raises:
        UserError: The name is taken by a metric of the package.
    """
    if name in METRICS and METRICS[name].group != "own":
        raise UserError(f"register_metric: {name} is a metric of xray already, give yours another name.")

    def register(function: MetricFunction) -> MetricFunction:
        METRICS[name] = Metric(
            lambda resamples: _of_each_resample(name, function, resamples),
            title,
            meaning,
            "own",
            higher_is_better,
            digits,
            percent,
            hub_name or name,
            printed=True,
            compared="always",
        )
        return function

    return register


def metrics_in(*groups: Group) -> dict[str, Metric]:
    """Return the metrics of some groups by name, one group after the other."""
    return {name: metric for group in groups for name, metric in METRICS.items() if metric.group == group}


def _of_each_resample(name: str, function: MetricFunction, resamples: Resamples) -> ResampleValues:
    images = resamples.images

    def value(weights: npt.NDArray[np.float64]) -> float:
        rows = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
        if not len(rows):
            return float("nan")
        try:
            with np.errstate(all="ignore"):
                return float(function(images.labels[rows], images.probability[rows], images.decisions[rows]))
        except ZeroDivisionError:
            return float("nan")
        except Exception as error:
            raise failure_of(f"The metric {name}", error, FUNCTION) from error

    return np.array([value(weights) for weights in resamples.weights], dtype=np.float64)


def _of_counts(metric: Callable[[Confusion], ResampleValues]) -> Callable[[Resamples], ResampleValues]:
    return lambda resamples: metric(resamples.confusion)


def _brier(resamples: Resamples) -> ResampleValues:
    images, weights = resamples.images, resamples.weights
    return divide(weights @ (images.probability - images.labels) ** 2, weights.sum(axis=1))


def _predictive_values() -> dict[str, Metric]:
    """Return positive and negative predictive value at each prevalence."""
    entries = {}
    for p in PREVALENCES:
        for name, title, value in (
            ("ppv", "Positive", Confusion.positive_predictive_value),
            ("npv", "Negative", Confusion.negative_predictive_value),
        ):
            entries[f"{name}_at_{p:g}"] = Metric(
                lambda resamples, value=value, p=p: value(resamples.confusion, p),  # type: ignore[misc]
                f"{title} predictive value at a prevalence of {p:.0%}",
                f"Share of correct ones among {title.lower()} decisions if {p:.0%} of the images were positive.",
                "predictive value",
            )
    return entries


METRICS: Final[dict[str, Metric]] = {
    "auroc": Metric(
        lambda resamples: resamples.images.ranking.auroc(resamples.weights),
        "AUROC",
        "Area under the ROC curve: share of pairs (one positive, one negative) ranked correctly.",
        "ranking",
        hub_name="roc_auc",
        printed=True,
        compared="always",
    ),
    "average_precision": Metric(
        lambda resamples: resamples.images.ranking.average_precision(resamples.weights),
        "Average precision",
        "Area under the precision-recall curve, at the prevalence of these images.",
        "ranking",
        hub_name="average_precision",
        printed=True,
        compared="asked",
    ),
    "sensitivity": Metric(
        _of_counts(lambda counts: counts.sensitivity),
        "Sensitivity",
        "True-positive rate: share of positive images predicted positive.",
        "decision",
        hub_name="recall",
        printed=True,
        compared="always",
    ),
    "specificity": Metric(
        _of_counts(lambda counts: counts.specificity),
        "Specificity",
        "True-negative rate: share of negative images predicted negative.",
        "decision",
        hub_name="specificity",
        printed=True,
        compared="always",
    ),
    "balanced_accuracy": Metric(
        _of_counts(lambda counts: counts.balanced_accuracy),
        "Balanced accuracy",
        "Mean of sensitivity and specificity; 0.5 is chance.",
        "decision",
        hub_name="balanced_accuracy",
        printed=True,
        compared="always",
    ),
    "accuracy": Metric(
        _of_counts(lambda counts: counts.accuracy),
        "Accuracy",
        "Share of correct decisions, at the prevalence of these images.",
        "decision",
        hub_name="accuracy",
        compared="asked",
    ),
    "mcc": Metric(
        _of_counts(lambda counts: counts.mcc),
        "Matthews correlation (MCC)",
        "Correlation of labels and decisions, from -1 to 1; 0 is chance.",
        "decision",
        hub_name="matthews_correlation",
        printed=True,
        compared="asked",
    ),
    "f1": Metric(
        _of_counts(lambda counts: counts.f1),
        "F1",
        "Harmonic mean of precision and sensitivity, at the prevalence of these images.",
        "decision",
        hub_name="f1",
        printed=True,
        compared="asked",
    ),
    # Never compared: a likelihood ratio may be infinite.
    "positive_likelihood_ratio": Metric(
        _of_counts(lambda counts: counts.positive_likelihood_ratio),
        "Positive likelihood ratio",
        "Factor by which a positive decision changes the odds.",
        "decision",
    ),
    "negative_likelihood_ratio": Metric(
        _of_counts(lambda counts: counts.negative_likelihood_ratio),
        "Negative likelihood ratio",
        "Factor by which a negative decision changes the odds.",
        "decision",
        higher_is_better=False,
    ),
    **_predictive_values(),
    "brier": Metric(
        _brier,
        "Brier score",
        "Mean squared error of the probabilities; 0 is best.",
        "calibration",
        higher_is_better=False,
        hub_name="brier_score",
        printed=True,
        compared="always",
    ),
    "ece": Metric(
        lambda resamples: expected_calibration_error(
            resamples.images.labels, resamples.images.probability, resamples.weights
        ),
        "Expected calibration error (ECE)",
        "Mean gap between predicted probability and observed share; 0 is best.",
        "calibration",
        higher_is_better=False,
        hub_name="expected_calibration_error",
        # So percentiles of resamples are no interval.
        no_interval="biased upwards by resampling",
    ),
    "calibration_slope": Metric(
        lambda resamples: resamples.slope * resamples.images.scaling.temperature,
        "Calibration slope",
        "1 is best; below 1 the probabilities are too extreme.",
        "calibration",
        higher_is_better=None,
        printed=True,
    ),
    "calibration_intercept": Metric(
        lambda resamples: calibration_intercept(
            resamples.images.labels, resamples.images.scaled_logits, resamples.weights
        ),
        "Calibration intercept",
        "0 is best; below 0 the probabilities are too high overall.",
        "calibration",
        higher_is_better=None,
    ),
}
"""All metrics by their names in metrics.json, in the order of the report."""
