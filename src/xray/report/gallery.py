"""All figures of a report by name, and how each is read."""

from itertools import groupby
from typing import Final

from matplotlib.figure import Figure

from xray.evaluation.curves import bands
from xray.evaluation.metrics import as_numbers
from xray.evaluation.resampling import Patients
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.shortcuts import ABLATION_IMAGES, BASELINES
from xray.report.figures import (
    confusion_figure,
    decision_curve_figure,
    histogram_figure,
    precision_recall_figure,
    reliability_figure,
    roc_figure,
    threshold_figure,
)
from xray.report.panels import Row, forest_figure, robustness_figure
from xray.report.summary_text import Summary
from xray.utils.text import printable

HOW_TO_READ: Final = {
    "roc": (
        "The nearer to the upper left corner, the better; the dotted line is chance. The band holds 95% of the curves "
        "of resampled patients, the dot is the operating point; where the curve comes close to the corner an inset "
        "enlarges it."
    ),
    "precision_recall": (
        "The nearer to the upper right corner, the better. Precision depends on the prevalence, which in these images "
        "(dotted line) is not that of a clinic."
    ),
    "confusion": "Rows are labels, columns decisions at the operating point; the shares of a row add up to 100%.",
    "histogram": (
        "Each class by itself. Positive images left of the threshold are missed, negative images right of it are false "
        "alarms. Counts are on a logarithmic scale, so that a few images can be seen beside many."
    ),
    "threshold": (
        "What another threshold would give on these images. One chosen here and quoted here would flatter: choose it on "
        "validation images."
    ),
    "reliability": (
        "On the diagonal a probability keeps its word; below it the model promises too much. The bars count the images "
        "of each bin, after scaling: a point that rests on few images says little."
    ),
    "decision_curve": (
        "Net benefit is the true positives per image, less the false positives weighed by the odds of the threshold. "
        "The model is worth using where its line lies above both others; all depends on the prevalence of these images."
    ),
    "shortcuts": "A diamond is the model; a baseline whose interval reaches the dotted line has no need of lungs.",
    "subgroups": "AUROC in each group with its interval; the dotted line and the diamond are all images.",
    "robustness": (
        "Strength 0 are the images as they are, 5 is severe. Where specificity falls and AUROC stays, the ranking holds "
        "but the threshold no longer fits. Bands are 95% intervals."
    ),
}
"""By the names of the files; not every report has all."""
SHORT_TITLES: Final = {
    "statistics": "Eight statistics of intensity and sharpness",
    "shape": "Size and mode of the file",
    "statistics_and_shape": "Both",
    "border_only": "Shown the border of each image only",
    "centre_blanked": "The centre of each image blanked",
}


def draw_figures(scored_set: ScoredSet, summary: Summary) -> dict[str, Figure]:
    """Draw all that the evidence allows.

    Args:
        scored_set: The tables.
        summary: Their figures.

    Returns:
        By the keys of `HOW_TO_READ`, in that order.
    """
    table, figures, threshold = scored_set.table, summary["figures"], summary["threshold"]
    class_names = [printable(name) for name in summary["class_names"]]
    labels = as_numbers(table.label, summary["class_names"])
    both = len(set(labels.tolist())) == 2
    roc, precision_recall = bands(labels, table.logit, Patients.of(table.patient, labels)) if both else (None, None)
    counts = summary["confusion_matrix"]
    drawn = {
        "roc": roc_figure(labels, table.logit, roc, figures),
        "precision_recall": precision_recall_figure(labels, table.logit, precision_recall, figures, counts),
        "confusion": confusion_figure(counts, class_names, threshold),
        "histogram": histogram_figure(labels, table.probability, threshold, class_names),
        "threshold": threshold_figure(labels, table.probability, threshold),
        "reliability": reliability_figure(summary["reliability"]),
        "decision_curve": decision_curve_figure(labels, table.probability, threshold),
    }
    model = ("The model", figures["auroc"])
    if summary["shortcuts"]["ablations"]:
        drawn["shortcuts"] = forest_figure(_ablations(summary), model, "The model and its shortcut baselines")
    if summary["subgroups"]:
        drawn["subgroups"] = forest_figure(_subgroups(summary), ("All images", figures["auroc"]), "AUROC by group")
    if summary["robustness"]:
        drawn["robustness"] = robustness_figure(summary["robustness"])
    return drawn


def _ablations(summary: Summary) -> list[tuple[str, list[Row]]]:
    groups = (
        ("Logistic regressions that see no lungs", BASELINES),
        ("The model itself, without the lungs", ABLATION_IMAGES),
    )
    rows = [
        (
            heading,
            [
                (SHORT_TITLES[row["name"]], row["auroc"])
                for row in summary["shortcuts"]["ablations"]
                if row["name"] in names
            ],
        )
        for heading, names in groups
    ]
    return [(heading, members) for heading, members in rows if members]


def _subgroups(summary: Summary) -> list[tuple[str, list[Row]]]:
    return [
        (family, [(_with_images(group), group["auroc"]) for group in members])
        for family, members in groupby(summary["subgroups"], key=lambda group: str(group["family"]))
    ]


def _with_images(group: Summary) -> str:
    return f"{group['name']}, {sum(group['images_by_class'].values()):,} images"
