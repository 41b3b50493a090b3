"""Figures of many results: forest plots, curves under corruption, and the course of the training."""

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xray.report.style import BAND, FAINT, MODEL, SECOND, THIRD, frame, report_style
from xray.report.summary_text import MetricValue, number
from xray.runs.history import Epoch
from xray.scoring.corruptions import title_of
from xray.utils.text import shortened

Row = tuple[str, MetricValue]
"""Name and metric value."""
NAME_WIDTH, MAX_HEADING_LENGTH = 36, 64
"""Characters of a name on a line, of which it has up to two, and of a heading."""
WIDTH, EDGE, LEFT, RIGHT = 5.2, 0.15, 2.65, 4.35
"""Width of a forest plot, its margin, and where its axes begin and end, in inches: names left of it, values right."""
HEADING = 1.0
"""Height of a heading in a forest plot, in rows."""
ENDS = ("low", "high")


@report_style()
def forest_figure(groups: Sequence[tuple[str, Sequence[Row]]], reference: Row, title: str, digits: int = 4) -> Figure:
    """Draw a forest plot of AUROCs in groups below a reference row: name, interval and value of each on one line."""
    lines = 1 + sum(HEADING + len(members) for _, members in groups)
    height = 0.95 + 0.36 * lines
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((LEFT / WIDTH, 0.6 / height, (RIGHT - LEFT) / WIDTH, 1 - 0.98 / height))
    frame(axes, "AUROC", "", "")
    axes.set_title(title, x=_column(EDGE))
    start = _axis_start([metric for _, members in (*groups, ("", [reference])) for _, metric in members])
    axes.set(xlim=(start - 0.03 * (1 - start), 1 + 0.03 * (1 - start)), ylim=(lines - 0.4, -0.6), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.spines[["left"]].set_visible(False)
    y = 0.0
    for heading, members in (("", [reference]), *groups):
        if heading:
            _write(axes, y + 0.15, shortened(heading, MAX_HEADING_LENGTH), "left", "bold")
            y += HEADING
        for name, metric in members:
            _write(axes, y, "\n".join(wrap(shortened(name, 2 * NAME_WIDTH), NAME_WIDTH)), "left")
            _write(axes, y, number(metric["value"], digits), "right")
            _draw_interval(axes, y, metric, (MODEL, "o") if heading else (SECOND, "D"))
            y += 1
    if reference[1]["value"] is not None:
        axes.axvline(reference[1]["value"], color=FAINT, linestyle=":", linewidth=1.2, zorder=0)
    return figure


@report_style()
def robustness_figure(robustness: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw AUROC and specificity against the strength of each corruption, with intervals as bands."""
    columns = 2
    lines = -(-len(robustness) // columns)
    height = 1.75 * lines + 0.85
    figure = Figure(figsize=(5.2, height))
    margins = {"left": 0.105, "right": 0.975, "bottom": 0.5 / height, "top": 1 - 0.85 / height}
    panels = figure.subplots(
        lines, columns, squeeze=False, sharex=True, sharey=True, gridspec_kw={**margins, "wspace": 0.1, "hspace": 0.32}
    )
    metrics = [row[name] for curve in robustness.values() for row in curve for name in ("auroc", "specificity")]
    strongest = max(row["strength"] for curve in robustness.values() for row in curve)
    bottom = min(0.5, math.floor(10 * _lowest(metrics)) / 10)
    figure.text(0.02, 1 - 0.25 / height, "AUROC and specificity under corruption", fontsize=11, fontweight="bold")
    for axes in panels.flat[len(robustness) :]:
        axes.axis("off")
    for i, (axes, (name, curve)) in enumerate(zip(panels.flat, robustness.items(), strict=False)):
        frame(axes, "Strength" if i >= len(robustness) - columns else "", "", "")
        axes.set_title(title_of(name), fontsize=10, fontweight="normal", pad=4)
        axes.tick_params(labelbottom=i >= len(robustness) - columns)
        for metric, text, colour, style in (
            ("auroc", "AUROC", MODEL, "o-"),
            ("specificity", "specificity", SECOND, "s--"),
        ):
            points = [(row["strength"], row[metric]) for row in curve if row[metric]["value"] is not None]
            strength, values = [x for x, _ in points], [point["value"] for _, point in points]
            # A point without an interval gets a band of zero width.
            ends = [[v if f[end] is None else f[end] for v, (_, f) in zip(values, points, strict=True)] for end in ENDS]
            axes.fill_between(strength, *ends, color=colour, alpha=BAND, linewidth=0)
            axes.plot(strength, values, style, color=colour, linewidth=1.6, markersize=4, label=text)
        axes.set(ylim=(bottom - 0.05 * (1 - bottom), 1 + 0.05 * (1 - bottom)))
        axes.set(xlim=(-0.2, strongest + 0.2), xticks=range(strongest + 1))
    handles, texts = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.3 / height), ncols=2)
    return figure


@report_style()
def training_figure(epochs: Sequence[Epoch], kept: int | None) -> Figure:
    """Draw the losses and the validation AUROC by epoch, with the epoch that was kept."""
    figure = Figure(figsize=(5.2, 2.7))
    margins = {"left": 0.12, "right": 0.98, "bottom": 0.2, "top": 0.74, "wspace": 0.48}
    loss, auroc = figure.subplots(1, 2, gridspec_kw=margins)
    x = [epoch["epoch"] for epoch in epochs]
    for axes, name, label, colour, style in (
        (loss, "train/loss", "training", FAINT, "s--"),
        (loss, "val/loss", "validation", MODEL, "o-"),
        (loss, "val/calibrated_loss", "validation after scaling", THIRD, "^-"),
        (auroc, "val/auroc", "validation", MODEL, "o-"),
    ):
        y = [epoch[name] for epoch in epochs]
        if np.isfinite(y).any():
            axes.plot(x, y, style, color=colour, linewidth=1.6, markersize=4, label=label)
    for axes, title in ((loss, "Loss"), (auroc, "AUROC")):
        frame(axes, "Epoch", "", title)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if kept is not None:
            axes.axvline(kept, color=SECOND, linewidth=1.4, linestyle=":", label=f"kept, epoch {kept}")
    handles, labels = loss.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper left", ncols=2, frameon=False, bbox_to_anchor=(0.08, 1.0))
    return figure


def _axis_start(metrics: Sequence[MetricValue]) -> float:
    """Return the lower end of the scale: 0.5 or below, or just below the lowest value if all are close to 1."""
    lowest = _lowest(metrics)
    return min(0.5, lowest) if lowest < 0.75 else lowest - 0.1 * (1 - lowest) - 0.002


def _lowest(metrics: Sequence[MetricValue]) -> float:
    known = (value for metric in metrics for value in (metric["value"], metric["low"]) if value is not None)
    return float(min(known, default=0.5))


def _draw_interval(axes: Axes, y: float, metric: MetricValue, style: tuple[str, str]) -> None:
    colour, marker = style
    if metric["low"] is not None:
        axes.plot([metric["low"], metric["high"]], [y, y], color=colour, linewidth=2)
    if metric["value"] is not None:
        axes.plot(metric["value"], y, marker, color=colour, markersize=5.5)


def _column(inches: float) -> float:
    """Return a distance from the left edge of a forest plot in the coordinates of its axes."""
    return (inches - LEFT) / (RIGHT - LEFT)


def _write(axes: Axes, y: float, text: str, side: Literal["left", "right"], weight: str = "normal") -> None:
    x = _column(EDGE if side == "left" else WIDTH - EDGE)
    label = axes.text(x, y, text, transform=axes.get_yaxis_transform(), ha=side, va="center", linespacing=1.05)
    label.set(fontsize=9, fontweight=weight)
    if weight == "bold":  # a heading may reach over the grid
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
