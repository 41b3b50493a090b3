"""Summary as text: number formats, titles, sentences and banners shared by the page and the model card."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

from xray.evaluation.registry import METRICS, metrics_in
from xray.utils.text import count, decimals

Summary = Mapping[str, Any]
"""See `xray.evaluation.summary.summarise`."""
MetricValue = Mapping[str, Any]
"""One metric of a summary: value, low, high, and a reason if one of them is None."""


def number(value: float | None, digits: int = 4) -> str:
    """Format a number with a fixed number of decimals, but never a value near 0 or 1 as exactly 0 or 1."""
    if value is None:
        return "not defined"
    least = 10**-digits
    if 0 < value < least / 2:
        return f"<{least:.{digits}f}"
    if -least / 2 < value < 0:
        return f"{value:.1g}"
    if 1 - least / 2 <= value < 1:
        return f">{1 - least:.{digits}f}"
    # Large likelihood ratios are not known to four decimals.
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.4g}"


def percent(value: float | None, digits: int = 1) -> str:
    """Format a share as a percentage; only exactly 1 gives 100% and only exactly 0 gives 0%."""
    if value is None:
        return "not defined"
    if value in {0.0, 1.0}:
        return f"{value:.0%}"
    least = 10.0 ** -(digits + 2)
    if 0 < value < least / 2:
        return f"<{least:.{digits}%}"
    return f">{1 - least:.{digits}%}" if 1 - least / 2 <= value < 1 else f"{value:.{digits}%}"


def number_format(summary: Summary) -> Callable[[float | None], str]:
    """Return `number` with as many decimals as the number of images supports."""
    return partial(number, digits=decimals(summary["images"]))


def percent_format(summary: Summary) -> Callable[[float | None], str]:
    """Return `percent` without decimals where the number of images supports none."""
    return partial(percent, digits=min(1, decimals(summary["images"]) - 2))


def format_of(name: str, summary: Summary | None = None) -> Callable[[float | None], str]:
    """Return the function that writes a metric's values, in a summary with no more decimals than its images support."""
    metric = METRICS[name]
    if metric.percent:
        return percent_format(summary) if summary else percent
    return partial(number, digits=min(metric.digits, decimals(summary["images"])) if summary else metric.digits)


def interval(metric: MetricValue, fmt: Callable[[float], str] = number) -> str:
    """Format a metric's interval; empty if it has none."""
    if metric["low"] is None:
        return ""
    upper = "unbounded" if metric["high"] is None else fmt(metric["high"])
    return f"{fmt(metric['low'])} to {upper}"


def with_interval(metric: MetricValue, fmt: Callable[[float], str] = number) -> str:
    """Format a metric with its interval, or with the reason why it is not defined."""
    if metric["value"] is None:
        return f"not defined ({metric['reason']})" if metric.get("reason") else "not defined"
    known = interval(metric, fmt)
    return f"{fmt(metric['value'])} (95% interval {known})" if known else f"{fmt(metric['value'])} (no interval)"


def kind(source: Mapping[str, Any]) -> str:
    """Return the kind of scored set: `external test`, `test` or `validation`."""
    if source.get("external"):
        return "external test"
    return "validation" if source.get("set") == "validate" else "test"


def data_name(source: Mapping[str, Any]) -> str:
    """Return the name of the image folder, without its parents."""
    if source.get("table"):
        return f"the images of {PurePath(source['table']).name}"
    root = str(source.get("data_root") or "")
    return PurePath(root).name or root or "unknown images"


def model_name(source: Mapping[str, Any]) -> str:
    """Return the name of the run, or of the checkpoint or the table of predictions if there is no run."""
    table = source.get("table")
    return str(source.get("run") or source.get("checkpoint") or (PurePath(table).stem if table else "a model"))


def headline(summary: Summary) -> list[str]:
    """Return the main results as sentences: what was scored, AUROC, and sensitivity and specificity."""
    source, metrics, counts = summary["source"], summary["metrics"], summary["confusion_matrix"]
    negative, positive = summary["class_names"]
    in_numbers, in_percent = number_format(summary), percent_format(summary)
    by_class = summary["images_by_class"]
    images, patients = count(summary["images"], "image"), count(summary["patients"], "patient")
    scored = {
        "validation": f"was scored on its own validation data, {images} of {patients}",
        "external test": f"was tested on {images} of {patients} from another folder than its training data",
    }.get(kind(source), f"was tested on {images} of {patients}")
    sentences = [
        f"{source.get('model') or 'The model'} of {model_name(source)} {scored}: {by_class[negative]:,} {negative} and "
        f"{by_class[positive]:,} {positive}."
    ]
    auroc = metrics["auroc"]
    if auroc["value"] is None:
        sentences.append(f"AUROC is not defined ({auroc['reason']}).")
    else:
        sentences.append(
            f"In {in_percent(auroc['value'])} of all pairs of one {positive} and one {negative} image, it gives the "
            f"{positive} image the higher score: AUROC {with_interval(auroc, in_numbers)}."
        )
    sensitivity, specificity = (with_interval(metrics[name], in_percent) for name in ("sensitivity", "specificity"))
    sentences.append(
        f"At the threshold {number(summary['threshold'])} it predicts {positive} for {counts['tp']:,} of "
        f"{counts['tp'] + counts['fn']:,} {positive} images: sensitivity {sensitivity}. It predicts {negative} for "
        f"{counts['tn']:,} of {counts['tn'] + counts['fp']:,} {negative} images: specificity {specificity}."
    )
    return sentences


def metric_rows(summary: Summary) -> list[tuple[str, MetricValue, Callable[[float | None], str]]]:
    """Return all metrics in table order, each with its title and its format."""
    names = metrics_in("ranking", "decision", "calibration", "own", "predictive value")
    rows = [(metric.title, summary["metrics"][name], format_of(name, summary)) for name, metric in names.items()]
    rows.insert(1, ("AUROC by DeLong", summary["auroc_delong"], number_format(summary)))
    return rows


def operating_point(summary: Summary) -> str:
    """Return one sentence on how scaling and threshold were chosen."""
    decision, table = summary["source"].get("decision"), summary["source"].get("table")
    if table:
        return f"Probabilities are those of {PurePath(table).name}, the threshold is {number(summary['threshold'])}."
    if not decision:
        return "No operating point was fitted: the threshold is 0.5 and the logits are not scaled."
    fitted_on = decision.get("fitted_on") or {}
    images, patients = fitted_on.get("images"), fitted_on.get("patients")
    data = f" on {count(images, 'validation image')} of {count(patients, 'patient')}" if images and patients else ""
    return (
        f"Scaling and the threshold {number(summary['threshold'])} were fitted{data}: "
        f"{decision.get('description') or decision.get('rule')}."
    )


def banners(summary: Summary) -> list[tuple[str, str, str]]:
    """Return the warnings to show before any result: severity (`bad` or `note`), title and text of each."""
    source = summary["source"]
    warnings = []
    if gap := summary["validation_gap"].get("sentences"):
        warnings.append(("bad", "Not as on the validation images", " ".join(gap)))
    if source.get("set") == "validate":
        text = (
            "These images were used to choose epoch, scaling and threshold: the results are too optimistic. Quote "
            "the test results instead."
        )
        warnings.append(("bad", "Validation images", text))
    if source.get("external"):
        text = (
            "The images are from another folder than the training data; do not pool these results with the internal "
            "test. They count as another source only if they are not copies of training images."
        )
        warnings.append(("note", "External data", text))
    if not source.get("decision") and not source.get("table"):
        text = (
            "Probabilities are not scaled and the threshold is 0.5. Fit both on validation images "
            "with 'python -m xray calibrate', then test again."
        )
        warnings.append(("bad", "No operating point was fitted", text))
    conclusion = summary["shortcuts"]["conclusion"]
    if conclusion in {"worse", "not clear"}:
        title = "Not clearly above the shortcut baselines"
        title = "Worse than a rule that sees no lungs" if conclusion == "worse" else title
        warnings.append(("bad", title, " ".join(summary["shortcuts"]["sentences"])))
    seen = len({pair["first"] for pair in summary["duplicates"] if pair["with"] == "training"})
    if seen:
        verb = "is a duplicate" if seen == 1 else "are duplicates"
        share = f"{count(seen, 'image')} of {summary['images']:,}"
        text = f"{share} {verb} of training images: the results are too optimistic."
        warnings.append(("bad", "Images seen in training", text))
    return warnings
