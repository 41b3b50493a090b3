"""Single-panel figures of a scored set: ROC, precision-recall, reliability, histogram, confusion matrix and others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.curves import GRID, Band, net_benefit, precision_recall_points, rates_by_threshold, roc_points
from xray.report.style import (
    BAND,
    CLASSES,
    FAINT,
    INSET,
    MODEL,
    PLAIN_WHITE,
    SECOND,
    SQUARE,
    THIRD,
    WIDE,
    frame,
    frame_inset,
    inset_side,
    legend_above,
    panel,
    report_style,
    unit_square,
    write_centred,
)
from xray.report.summary_text import number
from xray.utils.text import decimals, shortened

ONE_CLASS = "not defined: all images\nhave the same label"
HISTOGRAM_BINS = 40
TREATMENT_THRESHOLDS = np.linspace(0.01, 0.99, 99)
"""Thresholds of the decision curve; 0 and 1 are left out because their odds are 0 and infinite."""


@report_style()
def roc_figure(labels: Labels, scores: Scores, band: Band | None, metrics: Mapping[str, Any]) -> Figure:
    """Draw the ROC curve with its 95% band and operating point; an inset enlarges the corner if the curve is close.

    There is no band if a class is absent; `metrics` are the `figures` of the summary.
    """
    figure, axes = panel(SQUARE)
    frame(axes, "1 - specificity", "Sensitivity", f"ROC curve, AUROC {_shown(metrics['auroc'], labels)}")
    unit_square(axes)
    if band is None:
        write_centred(axes, ONE_CLASS)
        return figure
    rate, sensitivity = roc_points(labels, scores)
    nearest = float(np.maximum(rate, 1 - sensitivity).min())
    point = (1 - metrics["specificity"]["value"], metrics["sensitivity"]["value"])
    side = inset_side(max(nearest, *(0.6 * x for x in (point[0], 1 - point[1]))))
    free = np.interp(INSET[0] - 0.1, rate, sensitivity) > INSET[1] + INSET[3] + 0.03
    inset = axes.inset_axes(INSET) if side and free else None
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1.2, label="chance")
    for target in (axes, inset) if inset else (axes,):
        _draw_curve(target, (rate, sensitivity), band, point)
    if inset and side:
        frame_inset(axes, inset, (0, side), (1 - side, 1))
    legend_above(axes)
    return figure


@report_style()
def precision_recall_figure(
    labels: Labels, scores: Scores, band: Band | None, metrics: Mapping[str, Any], counts: Mapping[str, int]
) -> Figure:
    """Draw the precision-recall curve with its 95% band, operating point and inset; see `roc_figure`."""
    figure, axes = panel(SQUARE)
    average = _shown(metrics["average_precision"], labels)
    frame(axes, "Recall (sensitivity)", "Precision", f"Precision-recall curve, average precision {average}")
    unit_square(axes)
    if band is None:
        write_centred(axes, ONE_CLASS)
        return figure
    recall, precision = precision_recall_points(labels, scores)
    recall, precision = np.append(0, recall), np.append(precision[:1], precision)
    predicted_positive = counts["tp"] + counts["fp"]
    point = (metrics["sensitivity"]["value"], counts["tp"] / predicted_positive) if predicted_positive else None
    nearest = float(np.maximum(1 - recall, 1 - precision).min())
    side = inset_side(max(nearest, *(0.6 * (1 - x) for x in point or ())) if point else nearest)
    left, bottom = 0.2, 0.24
    free = precision[recall <= 0.9].min(initial=1) > bottom + INSET[3] + 0.03
    inset = axes.inset_axes((left, bottom, INSET[2], INSET[3])) if side and free else None
    axes.axhline(float(labels.mean()), color=FAINT, linestyle=":", linewidth=1.2, label="prevalence")
    for target in (axes, inset) if inset else (axes,):
        _draw_curve(target, (recall, precision), band, point, "steps-pre")
    if inset and side:
        frame_inset(axes, inset, (1 - side, 1), (1 - side, 1))
    legend_above(axes)
    return figure


@report_style()
def reliability_figure(reliability: Mapping[str, Any]) -> Figure:
    """Draw observed against predicted share of positives before and after scaling, with the images per bin below."""
    figure = Figure(figsize=SQUARE)
    axes = figure.add_axes((0.72 / 5.2, 1.75 / 5.2, 1 - 0.92 / 5.2, 1 - 2.17 / 5.2))
    below = figure.add_axes((0.72 / 5.2, 0.62 / 5.2, 1 - 0.92 / 5.2, 0.95 / 5.2), sharex=axes)
    frame(axes, "", "Observed share of positives", f"Reliability, {reliability['bins']} bins of equal width")
    frame(below, "Mean predicted probability", "Images", "")
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1.2, label="perfect")
    for name, key, colour, style in (
        ("before scaling", "before", FAINT, "s--"),
        ("after scaling", "after", MODEL, "o-"),
    ):
        x, y = ([b[field] for b in reliability[key]] for field in ("probability", "observed"))
        axes.plot(x, y, style, color=colour, linewidth=1.6, markersize=5.5, label=name)
    unit_square(axes)
    axes.tick_params(labelbottom=False)
    legend_above(axes)
    bins = reliability["after"]
    middles = [(b["low"] + b["high"]) / 2 for b in bins]
    bars = below.bar(middles, [b["images"] for b in bins], width=0.09, color=MODEL, alpha=0.6)
    below.bar_label(bars, [f"{b['images']:,}" for b in bins], fontsize=9, padding=1)
    below.set(ylim=(0.5, 8 * max([b["images"] for b in bins], default=1)), yscale="log", yticks=[])
    below.minorticks_off()
    return figure


@report_style()
def histogram_figure(labels: Labels, probability: Scores, threshold: float, class_names: Sequence[str]) -> Figure:
    """Draw a histogram of the probabilities of each class, counts on a logarithmic scale, with the threshold."""
    figure, axes = panel(WIDE)
    frame(axes, f"Probability of {class_names[1]}", "Images (logarithmic)", "Images by probability and class")
    highest = 1
    for label, (name, colour) in enumerate(zip(class_names, CLASSES, strict=True)):
        counts, edges = np.histogram(probability[labels == label], bins=HISTOGRAM_BINS, range=(0, 1))
        highest = max(highest, int(counts.max()))
        text = f"label {shortened(name, 16)}, {int(counts.sum()):,}"
        axes.stairs(np.maximum(counts, 0.5), edges, baseline=0.5, fill=True, color=colour, alpha=0.35)
        axes.stairs(np.maximum(counts, 0.5), edges, baseline=0.5, color=colour, linewidth=1.4, label=text)
    axes.axvline(threshold, color="black", linestyle="--", linewidth=1.2, label=f"threshold {number(threshold)}")
    axes.set(yscale="log", ylim=(0.5, 2 * highest), xlim=(-0.02, 1.02))
    ticks = [tick for tick in 10.0 ** np.arange(7) if tick <= 2 * highest]
    axes.set_yticks(ticks, [f"{int(tick):,}" for tick in ticks])
    axes.minorticks_off()
    legend_above(axes, columns=2)
    return figure


@report_style()
def confusion_figure(counts: Mapping[str, int], class_names: Sequence[str], threshold: float) -> Figure:
    """Draw the confusion matrix (`confusion_matrix` of the summary): images, and their share of the row."""
    figure, axes = panel(WIDE)
    matrix = np.array([[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]], dtype=np.int64)
    rows = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    edges = [-0.5, 0.5, 1.5]
    # Opacity instead of lightness, so that the page can put a dark ground below it.
    shades = LinearSegmentedColormap.from_list("share", [(MODEL, 0.04), (MODEL, 0.95)])
    axes.pcolormesh(edges, edges, matrix / rows, cmap=shades, vmin=0, vmax=1)
    axes.invert_yaxis()
    for row, column in np.ndindex(2, 2):
        share = matrix[row, column] / rows[row, 0]
        colour = PLAIN_WHITE if share > 0.8 else "black"
        axes.text(column, row - 0.06, f"{matrix[row, column]:,}", ha="center", va="center", color=colour, fontsize=20)
        text = f"{share:.1%} of row" if matrix[row].any() else "no images"
        axes.text(column, row + 0.2, text, ha="center", va="center", color=colour)
    short = [shortened(name, 16) for name in class_names]
    axes.set_xticks([0, 1], short)
    axes.set_yticks([0, 1], short, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.set(xlabel="Decision", ylabel="Label", title=f"Decisions at threshold {number(threshold)}")
    axes.spines[:].set_visible(False)
    return figure


@report_style()
def decision_curve_figure(labels: Labels, probability: Scores, threshold: float) -> Figure:
    """Draw the net benefit of treating by the model, of treating all and of treating none."""
    figure, axes = panel(WIDE)
    frame(axes, "Threshold probability for treatment", "Net benefit per image", "Decision curve")
    if not len(labels):
        write_centred(axes, "no images")
        return figure
    model, treat_all = net_benefit(labels, probability, TREATMENT_THRESHOLDS)
    axes.plot(TREATMENT_THRESHOLDS, treat_all, color=THIRD, linestyle="--", linewidth=1.6, label="treat all")
    axes.axhline(0, color="black", linestyle=":", linewidth=1.4, label="treat none")
    axes.plot(TREATMENT_THRESHOLDS, model, color=MODEL, linewidth=1.8, label="treat by the model")
    _mark_threshold(axes, threshold)
    top = max(float(labels.mean()), 0.05)
    axes.set(xlim=(0, 1), ylim=(-0.25 * top, 1.12 * top))
    legend_above(axes, columns=2)
    return figure


@report_style()
def threshold_figure(labels: Labels, probability: Scores, threshold: float) -> Figure:
    """Draw sensitivity and specificity against the threshold."""
    figure, axes = panel(WIDE)
    frame(axes, "Threshold", "Sensitivity, specificity", "Sensitivity and specificity by threshold")
    sensitivity, specificity = rates_by_threshold(labels, probability, GRID)
    axes.plot(GRID, sensitivity, color=SECOND, linewidth=1.8, label="sensitivity")
    axes.plot(GRID, specificity, color=MODEL, linewidth=1.8, linestyle="--", label="specificity")
    _mark_threshold(axes, threshold)
    unit_square(axes)
    legend_above(axes)
    return figure


def _draw_curve(
    axes: Axes, curve: tuple[Scores, Scores], band: Band, point: tuple[float, float] | None, steps: str = "default"
) -> None:
    axes.fill_between(GRID, band.low, band.high, color=MODEL, alpha=BAND, linewidth=0, label="95% band")
    axes.plot(*curve, color=MODEL, linewidth=1.8, drawstyle=steps)
    if point:
        axes.plot(*point, "o", color=SECOND, markeredgecolor="white", markersize=8, label="operating point")


def _shown(metric: Mapping[str, Any], labels: Labels) -> str:
    return number(metric["value"], decimals(len(labels)))


def _mark_threshold(axes: Axes, threshold: float) -> None:
    axes.axvline(threshold, color="black", linewidth=1, alpha=0.5, label=f"threshold {number(threshold)}")
