"""What the figures of a summary say, in words; shared by the page and the model card."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

Summary = Mapping[str, Any]
"""See `xray.evaluation.summary.summarise`."""
Found = Mapping[str, Any]
"""One figure of it: value, low, high, and a reason where one of them is None."""

RANKING: Final = {
    "auroc": ("AUROC", "Area under the ROC curve: the share of pairs of both classes that are ranked rightly."),
    "average_precision": (
        "Average precision",
        "Area under the precision-recall curve, at the prevalence of these images.",
    ),
}
DECISIONS: Final = {
    "sensitivity": ("Sensitivity", "Share of the positive images that are found."),
    "specificity": ("Specificity", "Share of the negative images that are left alone."),
    "balanced_accuracy": ("Balanced accuracy", "Mean of sensitivity and specificity; 0.5 is chance."),
    "accuracy": ("Accuracy", "Share of right decisions, at the prevalence of these images."),
    "mcc": ("Matthews correlation (MCC)", "Correlation of label and decision, from -1 to 1; 0 is chance."),
    "f1": ("F1", "Harmonic mean of precision and sensitivity, at the prevalence of these images."),
    "positive_likelihood_ratio": ("Positive likelihood ratio", "What a positive decision multiplies the odds by."),
    "negative_likelihood_ratio": ("Negative likelihood ratio", "What a negative decision multiplies the odds by."),
}
CALIBRATION: Final = {
    "brier": ("Brier score", "Mean squared error of the probabilities; 0 is best."),
    "ece": ("Expected calibration error (ECE)", "Mean distance of predicted and observed share."),
    "calibration_slope": ("Calibration slope", "1 is best; below 1 the probabilities are too extreme."),
    "calibration_intercept": ("Calibration intercept", "0 is best; below 0 the probabilities are too high altogether."),
}
TITLES: Final = {name: title for group in (RANKING, DECISIONS, CALIBRATION) for name, (title, _) in group.items()}


def number(value: float | None, digits: int = 4) -> str:
    """A figure with so many digits behind the point; one just below 1 or above 0 is not rounded to it."""
    if value is None:
        return "not defined"
    least = 10**-digits
    if 0 < abs(value) < least / 2:
        return f"{'>-' if value < 0 else '<'}{least:.{digits}f}"
    if 1 - least / 2 <= value < 1:
        return f">{1 - least:.{digits}f}"
    # A ratio of hundreds has no four digits behind the point.
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.4g}"


def percent(value: float | None) -> str:
    """A share in percent with one digit behind the point; only all is 100% and only none is 0%."""
    if value is None:
        return "not defined"
    if 0 < value < 0.0005 or 0.9995 <= value < 1:
        return "<0.1%" if value < 0.5 else ">99.9%"
    return f"{value:.1%}".replace(".0%", "%") if value in {0.0, 1.0} else f"{value:.1%}"


def interval(found: Found, written: Any = number) -> str:  # noqa: ANN401 - a function of a number
    """An interval as far as it is defined; empty where it is not."""
    if found["low"] is None:
        return ""
    upper = "any" if found["high"] is None else written(found["high"])
    return f"{written(found['low'])} to {upper}"


def with_interval(found: Found, written: Any = number) -> str:  # noqa: ANN401 - a function of a number
    """A figure with its interval, or with the reason why it has none."""
    if found["value"] is None:
        return f"not defined ({found['reason']})" if found.get("reason") else "not defined"
    known = interval(found, written)
    return f"{written(found['value'])} (95% interval {known})" if known else f"{written(found['value'])} (no interval)"


def count(how_many: int, thing: str) -> str:
    """A number of things: `1 image`, `1,200 images`."""
    return f"{how_many:,} {thing}{'' if how_many == 1 else 's'}"


def kind(source: Mapping[str, Any]) -> str:
    """What was scored: `external test`, `test` or `validation`."""
    if source.get("external"):
        return "external test"
    return "validation" if source.get("set") == "validate" else "test"


def place(source: Mapping[str, Any]) -> str:
    """The folder of the images by its last name."""
    root = str(source.get("data_root") or "")
    return PurePath(root).name or root or "unknown images"


def model_name(source: Mapping[str, Any]) -> str:
    """The run, or the checkpoint of none."""
    return str(source.get("run") or source.get("checkpoint") or "a model")


def answer(summary: Summary) -> list[str]:
    """What one wants to know first, a sentence each: what was scored, how well, and whether it means anything."""
    source, figures, counts = summary["source"], summary["figures"], summary["confusion_matrix"]
    negative, positive = summary["class_names"]
    by_class = summary["images_by_class"]
    images, patients = count(summary["images"], "image"), count(summary["patients"], "patient")
    scored = {
        "validation": f"was scored on its own validation data, {images} of {patients}",
        "external test": f"was tested on {images} of {patients} from another source than its training",
    }.get(kind(source), f"was tested on {images} of {patients}")
    sentences = [
        f"{source.get('model') or 'The model'} of {model_name(source)} {scored}: {by_class[negative]:,} {negative} and "
        f"{by_class[positive]:,} {positive}."
    ]
    ranks = figures["auroc"]
    if ranks["value"] is None:
        sentences.append(f"AUROC is not defined ({ranks['reason']}).")
    else:
        sentences.append(
            f"Of a {positive} and a {negative} image it ranks the {positive} one higher in {percent(ranks['value'])} of "
            f"all pairs: AUROC {with_interval(ranks)}."
        )
    found, left = (with_interval(figures[name], percent) for name in ("sensitivity", "specificity"))
    sentences.append(
        f"At its operating point, a probability of {number(summary['threshold'])}, it finds {counts['tp']:,} of "
        f"{counts['tp'] + counts['fn']:,} {positive} images: sensitivity {found}. It leaves alone {counts['tn']:,} of "
        f"{counts['tn'] + counts['fp']:,} {negative} images: specificity {left}."
    )
    return sentences


def rows(summary: Summary) -> list[tuple[str, Found]]:
    """All figures with their titles, in the order of a table."""
    figures = summary["figures"]
    found = [(title, figures[name]) for name, title in TITLES.items()]
    found.insert(1, ("AUROC by DeLong", summary["auroc_delong"]))
    return found + [
        (f"{title} predictive value at a prevalence of {prevalence:.0%}", figures[f"{name}_at_{prevalence:g}"])
        for prevalence in summary["method"]["prevalences"]
        for name, title in (("ppv", "Positive"), ("npv", "Negative"))
    ]


def operating_point(summary: Summary) -> str:
    """Where temperature and threshold come from, in one sentence."""
    decision = summary["source"].get("decision")
    if not decision:
        return "No operating point was fitted: the threshold is 0.5 and the temperature 1."
    on = decision.get("fitted_on") or decision
    images, patients = on.get("images"), on.get("patients")
    where = f" on {count(images, 'validation image')} of {count(patients, 'patient')}" if images and patients else ""
    return (
        f"Temperature {number(summary['temperature'])} and threshold {number(summary['threshold'])} were fitted{where}"
        f": {decision.get('description') or decision.get('rule')}."
    )


def banners(summary: Summary) -> list[tuple[str, str, str]]:
    """What must be known before any figure is believed: gravity (`bad`, `note`), title and text of each."""
    source = summary["source"]
    shown = []
    if source.get("set") == "validate":
        text = (
            "These images chose the epoch, the temperature and the threshold: the figures are too good. Quote the test."
        )
        shown.append(("bad", "Validation images", text))
    if source.get("external"):
        text = "Images of another source than those that the model was trained on; kept apart from the internal test."
        shown.append(("note", "External data", text))
    if not source.get("decision"):
        text = (
            "Probabilities are as the network gave them (temperature 1) and decisions are made at 0.5. "
            "'python -m xray calibrate' fits both on the validation images; then test again."
        )
        shown.append(("bad", "No operating point was fitted", text))
    if summary["shortcuts"]["prediction"] == "not clear":
        text = " ".join(summary["shortcuts"]["sentences"])
        shown.append(("bad", "Not clearly above the shortcut baseline", text))
    seen = len({pair["first"] for pair in summary["duplicates"] if pair["with"] == "training"})
    if seen:
        shows = "shows" if seen == 1 else "show"
        text = (
            f"{count(seen, 'image')} of {summary['images']:,} {shows} the same picture as an image that the model was "
            "trained on: the figures are too good."
        )
        shown.append(("bad", "Images seen in training", text))
    return shown
