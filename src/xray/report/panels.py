"""Figures that set many results side by side: forest plots, and curves under corruption."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from xray.report.style import BAND, FAINT, MODEL, SECOND, frame, styled
from xray.report.summary_text import number

Row = tuple[str, Mapping[str, Any]]
"""Name and figure."""
LONGEST_NAME = 60
HEADING = 1.0
"""Height of a heading in a forest plot, that of a row being 1."""
TITLES = {"jpeg": "JPEG compression"}
ENDS = ("low", "high")


@styled
def forest_figure(groups: Sequence[tuple[str, Sequence[Row]]], whole: Row, title: str) -> Figure:
    """A figure of several groups of images with their intervals, beside that of all images.

    Args:
        groups: Headings with rows.
        whole: The row that all others are seen against.
        title: Title of the figure.
    """
    lines = 1 + sum(HEADING + len(members) for _, members in groups)
    height = 0.95 + 0.42 * lines
    figure = Figure(figsize=(5.2, height))
    axes = figure.add_axes((0.2 / 5.2, 0.6 / height, 4.8 / 5.2, 1 - 0.98 / height))
    frame(axes, "AUROC", "", title)
    start = _start([found for _, members in (*groups, ("", [whole])) for _, found in members])
    axes.set(xlim=(start - 0.03 * (1 - start), 1 + 0.03 * (1 - start)), ylim=(lines - 0.3, -0.7), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.spines[["left"]].set_visible(False)
    at = 0.0
    for heading, members in (("", [whole]), *groups):
        if heading:
            _write(axes, at + 0.25, heading, "left", "bold")
            at += HEADING
        for name, found in members:
            _write(axes, at, name, "left")
            _write(axes, at, number(found["value"]), "right")
            _draw_interval(axes, at + 0.2, found, (MODEL, "o") if heading else (SECOND, "D"))
            at += 1
    if whole[1]["value"] is not None:
        axes.axvline(whole[1]["value"], color=FAINT, linestyle=":", linewidth=1.2, zorder=0)
    return figure


@styled
def robustness_figure(robustness: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """AUROC and specificity against the strength of each corruption, with intervals as bands.

    Args:
        robustness: Of the summary.
    """
    columns = 2
    lines = -(-len(robustness) // columns)
    height = 1.75 * lines + 0.85
    figure = Figure(figsize=(5.2, height))
    margins = {"left": 0.105, "right": 0.975, "bottom": 0.5 / height, "top": 1 - 0.85 / height}
    panels = figure.subplots(
        lines, columns, squeeze=False, sharex=True, sharey=True, gridspec_kw={**margins, "wspace": 0.1, "hspace": 0.32}
    )
    drawn = [row[name] for curve in robustness.values() for row in curve for name in ("auroc", "specificity")]
    bottom = min(0.5, math.floor(10 * _least(drawn)) / 10)
    figure.text(0.02, 1 - 0.25 / height, "AUROC and specificity under corruption", fontsize=11, fontweight="bold")
    for i, axes in enumerate(panels.flat):
        if i >= len(robustness):
            axes.axis("off")
            continue
        name, curve = list(robustness.items())[i]
        frame(axes, "Strength" if i >= len(robustness) - columns else "", "", "")
        axes.set_title(TITLES.get(name, name), fontsize=10, fontweight="normal", pad=4)
        axes.tick_params(labelbottom=i >= len(robustness) - columns)
        for figure_name, text, colour, style in (
            ("auroc", "AUROC", MODEL, "o-"),
            ("specificity", "specificity", SECOND, "s--"),
        ):
            points = [(row["strength"], row[figure_name]) for row in curve if row[figure_name]["value"] is not None]
            strength, values = [x for x, _ in points], [found["value"] for _, found in points]
            # A point without an interval has a band of no width.
            ends = [[v if f[end] is None else f[end] for v, (_, f) in zip(values, points, strict=True)] for end in ENDS]
            axes.fill_between(strength, *ends, color=colour, alpha=BAND, linewidth=0)
            axes.plot(strength, values, style, color=colour, linewidth=1.6, markersize=4, label=text)
        axes.set(ylim=(bottom - 0.05 * (1 - bottom), 1 + 0.05 * (1 - bottom)), xlim=(-0.2, 5.2), xticks=range(6))
    handles, texts = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="upper left", bbox_to_anchor=(0.005, 1 - 0.3 / height), ncols=2)
    return figure


def _start(shown: Sequence[Mapping[str, Any]]) -> float:
    """Where the scale begins: at 0.5 or below, or where all lie close to 1 shortly before the least of them."""
    least = _least(shown)
    return min(0.5, least) if least < 0.75 else least - 0.1 * (1 - least) - 0.002


def _least(shown: Sequence[Mapping[str, Any]]) -> float:
    known = (value for found in shown for value in (found["value"], found["low"]) if value is not None)
    return float(min(known, default=0.5))


def _draw_interval(axes: Axes, at: float, found: Mapping[str, Any], look: tuple[str, str]) -> None:
    colour, marker = look
    if found["low"] is not None:
        axes.plot([found["low"], found["high"]], [at, at], color=colour, linewidth=2)
    if found["value"] is not None:
        axes.plot(found["value"], at, marker, color=colour, markersize=5.5)


def _write(axes: Axes, at: float, text: str, side: Literal["left", "right"], weight: str = "normal") -> None:
    shown = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    x, beside = 0 if side == "left" else 1, axes.get_yaxis_transform()
    written = axes.text(x, at - 0.2, shown, transform=beside, ha=side, va="center", fontsize=9, fontweight=weight)
    written.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
