"""The values of each figure as one sentence, for readers who cannot see it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xray.report.summary_text import MetricValue, Summary, number, number_format, percent_format, with_interval
from xray.runs.history import Epoch
from xray.scoring.corruptions import title_of
from xray.utils.text import count

Format = Callable[[float | None], str]


def alt_texts(summary: Summary, history: Sequence[Epoch] = ()) -> dict[str, str]:
    """Return what each figure of `xray.report.gallery` shows, with its main values, by the figure's name."""
    shown, share = number_format(summary), percent_format(summary)
    metrics, counts, threshold = summary["metrics"], summary["confusion_matrix"], number(summary["threshold"])
    negative, positive = summary["class_names"]
    negatives, positives = counts["tn"] + counts["fp"], counts["tp"] + counts["fn"]
    shares = " and ".join(f"{name} {with_interval(metrics[name], shown)}" for name in ("sensitivity", "specificity"))
    ablations = [(row["title"], row["auroc"]) for row in summary["shortcuts"]["ablations"]]
    groups = [(group["name"], group["auroc"]) for group in summary["subgroups"]]
    texts = {
        "roc": f"ROC curve. AUROC {with_interval(metrics['auroc'], shown)}; operating point at {shares}.",
        "precision_recall": (
            f"Precision-recall curve. Average precision {with_interval(metrics['average_precision'], shown)}; "
            f"prevalence {share(summary['prevalence'])}."
        ),
        "confusion": (
            f"Confusion matrix. Of {count(negatives, f'{negative} image')}, {counts['tn']:,} predicted {negative} and "
            f"{counts['fp']:,} {positive}; of {count(positives, f'{positive} image')}, {counts['fn']:,} predicted "
            f"{negative} and {counts['tp']:,} {positive}."
        ),
        "histogram": (
            f"Histogram of the probabilities. At or above the threshold {threshold}: {counts['fp']:,} of {negatives:,} "
            f"{negative} images and {counts['tp']:,} of {positives:,} {positive} images."
        ),
        "threshold": f"Sensitivity and specificity by threshold. At {threshold}: {shares}.",
        "reliability": f"Reliability diagram after scaling. {_bins(summary['reliability']['after'], shown)}",
        "decision_curve": _decision_curve(summary, shown),
        "shortcuts": _forest([("The model", metrics["auroc"]), *ablations], shown),
        "subgroups": _forest([("All images", metrics["auroc"]), *groups], shown),
        "robustness": _robustness(summary["robustness"], shown),
    }
    return texts | ({"training": _training(history, summary["source"].get("epoch"))} if history else {})


def _bins(bins: Sequence[Mapping[str, Any]], shown: Format) -> str:
    parts = (f"{shown(b['probability'])} and {shown(b['observed'])} in {count(b['images'], 'image')}" for b in bins)
    return f"Mean predicted probability and observed share: {'; '.join(parts)}."


def _decision_curve(summary: Summary, shown: Format) -> str:
    images, counts, t = summary["images"], summary["confusion_matrix"], summary["threshold"]
    if not images or t >= 1:
        return "Decision curve."
    odds = t / (1 - t)
    model = (counts["tp"] - counts["fp"] * odds) / images
    treat_all = summary["prevalence"] - (1 - summary["prevalence"]) * odds
    return (
        f"Decision curve. Net benefit per image at the threshold {number(t)}: model {shown(model)}, treat all "
        f"{shown(treat_all)}, treat none 0."
    )


def _forest(rows: Sequence[tuple[str, MetricValue]], shown: Format) -> str:
    return f"Forest plot of AUROC. {'; '.join(f'{name}: {with_interval(metric, shown)}' for name, metric in rows)}."


def _robustness(curves: Mapping[str, Sequence[Mapping[str, Any]]], shown: Format) -> str:
    parts = [
        f"{title_of(name)}: AUROC {shown(rows[0]['auroc']['value'])} to {shown(rows[-1]['auroc']['value'])}, "
        f"specificity {shown(rows[0]['specificity']['value'])} to {shown(rows[-1]['specificity']['value'])}"
        for name, rows in curves.items()
    ]
    return f"Curves under corruption, from strength 0 to the strongest. {'; '.join(parts)}."


def _training(history: Sequence[Epoch], kept: int | None) -> str:
    losses = "; ".join(
        f"epoch {epoch['epoch']:.0f}: training loss {epoch['train/loss']:.3f}, validation loss "
        f"{epoch['val/loss']:.3f}, validation AUROC {epoch['val/auroc']:.3f}"
        for epoch in history
        if epoch in (history[0], history[-1]) or epoch["epoch"] == kept
    )
    return f"Loss and AUROC by epoch, {count(len(history), 'epoch')}. {losses}. Kept: epoch {kept or 'not recorded'}."
