"""Figures of many results: forest plots, and curves under corruption."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xray.report.style import BAND, FAINT, MODEL, SECOND, frame, report_style
from xray.report.summary_text import MetricValue, number
from xray.scoring.corruptions import title_of

Row = tuple[str, MetricValue]
"""Name and metric value."""
MAX_NAME_LENGTH = 60
HEADING = 1.0
"""Height of a heading in a forest plot, in rows."""
ENDS = ("low", "high")


@report_style()
def forest_figure(groups: Sequence[tuple[str, Sequence[Row]]], reference: Row, title: str) -> Figure:
    """Draw a forest plot of AUROCs with their intervals, in groups, below a reference row."""
    lines = 1 + sum(HEADING + len(members) for _, members in groups)
    height = 0.95 + 0.42 * lines
    figure = Figure(figsize=(5.2, height))
    axes = figure.add_axes((0.2 / 5.2, 0.6 / height, 4.8 / 5.2, 1 - 0.98 / height))
    frame(axes, "AUROC", "", title)
    start = _axis_start([metric for _, members in (*groups, ("", [reference])) for _, metric in members])
    axes.set(xlim=(start - 0.03 * (1 - start), 1 + 0.03 * (1 - start)), ylim=(lines - 0.3, -0.7), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.spines[["left"]].set_visible(False)
    y = 0.0
    for heading, members in (("", [reference]), *groups):
        if heading:
            _write(axes, y + 0.25, heading, "left", "bold")
            y += HEADING
        for name, metric in members:
            _write(axes, y, name, "left")
            _write(axes, y, number(metric["value"]), "right")
            _draw_interval(axes, y + 0.2, metric, (MODEL, "o") if heading else (SECOND, "D"))
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


def _write(axes: Axes, y: float, text: str, side: Literal["left", "right"], weight: str = "normal") -> None:
    short = text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1]}…"
    x, transform = 0 if side == "left" else 1, axes.get_yaxis_transform()
    label = axes.text(x, y - 0.2, short, transform=transform, ha=side, va="center", fontsize=9, fontweight=weight)
    label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
