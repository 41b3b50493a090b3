"""All figures of a report by name, with their captions."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from matplotlib.figure import Figure

from xray.evaluation.ablations import ABLATIONS
from xray.evaluation.curves import bands
from xray.evaluation.metrics import class_indices
from xray.evaluation.resampling import Patients
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.shortcuts import BASELINES
from xray.report.figures import (
    confusion_figure,
    decision_curve_figure,
    histogram_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
    threshold_figure,
)
from xray.report.panels import Row, forest_figure, robustness_figure, training_figure
from xray.report.summary_text import Summary
from xray.runs.history import Epoch
from xray.utils.glyphs import drawable
from xray.utils.text import decimals

CAPTIONS: Final = {
    "roc": (
        "Closer to the upper left corner is better; the dotted line is chance. The band is the pointwise 95% interval "
        "over resampled patients, the dot is the operating point. If the curve is close to the corner, an inset "
        "enlarges it."
    ),
    "precision_recall": (
        "Closer to the upper right corner is better. Precision depends on the prevalence, which in these images "
        "(dotted line) is not that of a clinic."
    ),
    "confusion": "Rows are labels, columns are decisions at the operating point; the shares of a row add up to 100%.",
    "histogram": (
        "One histogram per class. Positive images left of the threshold are false negatives, negative images right of "
        "it are false positives. Counts are on a logarithmic scale, so that small bins stay visible."
    ),
    "threshold": (
        "What another threshold would give on these images. Results at a threshold chosen on the same images are too "
        "optimistic: choose it on validation images."
    ),
    "reliability": (
        "On the diagonal, predicted probabilities match the observed share of positives; below it, they are too high. "
        "The bars count the images of each bin after scaling: a point from few images is uncertain."
    ),
    "decision_curve": (
        "Net benefit: true positives per image minus false positives per image weighted by the odds of the threshold. "
        "The model is useful where its line is above both others; this depends on the prevalence of these images."
    ),
    "shortcuts": (
        "The diamond and the dotted line are the model. If the interval of a baseline reaches the dotted line, similar "
        "results are possible from whole-image statistics and file properties, without anatomy."
    ),
    "subgroups": "AUROC of each group with its 95% interval; the diamond and the dotted line are all images.",
    "robustness": (
        "Strength 0 is the unchanged image, the last is severe. Where specificity falls and AUROC does not, the "
        "ranking still holds but the threshold no longer fits. Bands are 95% intervals."
    ),
    "training": "Losses and AUROC at the end of each epoch; the dotted line is the epoch whose weights were kept.",
}
"""Caption of each figure by file name; a report may lack some figures."""
SHORT_TITLES: Final = {
    "statistics": "Eight statistics of intensity and sharpness",
    "shape": "Size and mode of the file",
    "statistics_and_shape": "Both",
}


def draw_figures(scored_set: ScoredSet, summary: Summary, history: Sequence[Epoch] = ()) -> dict[str, Figure]:
    """Draw every figure for which there are data, by the keys of `CAPTIONS` and in that order."""
    table, metrics, threshold = scored_set.table, summary["metrics"], summary["threshold"]
    class_names = [drawable(name) for name in summary["class_names"]]
    labels = class_indices(table.label, summary["class_names"])
    both_classes = len(set(labels.tolist())) == 2
    patients = Patients.of(table.patient, labels)
    roc, precision_recall = bands(labels, table.logit, patients) if both_classes else (None, None)
    counts = summary["confusion_matrix"]
    figures = {
        "roc": roc_figure(labels, table.logit, roc, metrics),
        "precision_recall": precision_recall_figure(labels, table.logit, precision_recall, metrics, counts),
        "confusion": confusion_figure(counts, class_names, threshold),
        "histogram": histogram_figure(labels, table.probability, threshold, class_names),
        "threshold": threshold_figure(labels, table.probability, threshold),
        "reliability": reliability_figure(summary["reliability"]),
        "decision_curve": decision_curve_figure(labels, table.probability, threshold),
    }
    auroc, digits = metrics["auroc"], decimals(len(table))
    if summary["shortcuts"]["ablations"]:
        title = "Model, shortcut baselines, input ablations"
        figures["shortcuts"] = forest_figure(_shortcut_rows(summary), ("The model", auroc), title, digits)
    if summary["subgroups"]:
        families = groupby(summary["subgroups"], key=lambda group: str(group["family"]))
        groups = [(family, [(_with_images(row), row["auroc"]) for row in rows]) for family, rows in families]
        figures["subgroups"] = forest_figure(groups, ("All images", auroc), "AUROC by group", digits)
    if summary["robustness"]:
        figures["robustness"] = robustness_figure(summary["robustness"])
    if history:
        figures["training"] = training_figure(history, summary["source"].get("epoch"))
    return figures


def _shortcut_rows(summary: Summary) -> list[tuple[str, list[Row]]]:
    groups = (
        ("Shortcut baselines (logistic regression)", BASELINES),
        ("Input ablations (the same model, a part hidden)", ABLATIONS),
    )
    found = summary["shortcuts"]["ablations"]
    rows = [
        (
            heading,
            [(SHORT_TITLES.get(row["name"], row["title"]), row["auroc"]) for row in found if row["name"] in names],
        )
        for heading, names in groups
    ]
    return [(heading, members) for heading, members in rows if members]


def _with_images(group: Summary) -> str:
    return f"{drawable(group['name'])}, {sum(group['images_by_class'].values()):,} images"
