"""ROC curves of several runs in one figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xray import NOTICE
from xray.compare.images import SharedImages
from xray.evaluation.curves import roc_points
from xray.evaluation.metrics import Confusion
from xray.evaluation.ranking import Labels, Scores
from xray.evaluation.terminal import interval, written
from xray.utils.errors import UserError
from xray.utils.text import shortened

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Told apart by the colour-blind (Okabe and Ito, 2008); line styles tell them apart without any colour."""
STYLES = ("-", "--", "-.", ":")
FAINT = "#9aa4b0"
ZOOMS = (0.02, 0.05, 0.1, 0.2, 0.3)
"""Sides of the corner that the inset may show."""
INSET = (0.42, 0.12, 0.52, 0.52)
"""Place of the inset in the figure: left, bottom, width, height."""
LONGEST_NAME = 34
NAME = "roc"


def roc_figure(images: SharedImages, found: Mapping[str, Any]) -> Figure:
    """Draw the ROC curve and the operating point of each run, and the corner enlarged where curves pass close by it.

    Args:
        images: The runs on their images.
        found: Their comparison, for letters, AUROCs and intervals.
    """
    side, legend = 5.2, 0.205 * len(images.runs) + 0.4
    width, height = side + 1.0, side + legend + 1.15
    figure = Figure(figsize=(width, height))
    place = (0.75 / width, (legend + 0.75) / height, side / width, side / height)
    axes = figure.add_axes(place)
    curves = [roc_points(images.labels, run.logits) for run in images.runs]
    zoom = zoom_of([curve for curve in curves if np.isfinite(curve).all()])
    inset = axes.inset_axes(INSET) if zoom else None
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1)
    for i, (run, (rate, sensitivity)) in enumerate(zip(images.runs, curves, strict=True)):
        area = found["runs"][i]["auroc"]
        known = f" ({interval(area)})" if interval(area) else ""
        label = f"{found['runs'][i]['letter']}  {shortened(run.name, LONGEST_NAME)}: {written(area['value'])}{known}"
        for where in (axes, inset) if inset else (axes,):
            _draw(where, i, rate, sensitivity, label)
            _mark(where, i, images.labels, run.decisions)
    _frame(axes, 1.0)
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity")
    title = f"ROC curves on {found['images']} images of {found['patients']} patients"
    axes.set_title(title, fontsize=11, fontweight="bold", loc="left")
    if inset and zoom:
        _frame_inset(axes, inset, zoom)
    if not all(np.isfinite(curve).all() for curve in curves):
        axes.text(0.5, 0.5, "not defined: a class is absent", ha="center", va="center")
    _add_legend(figure, axes, (place[0] - 0.02, 0.3 / height))
    figure.text(place[0], 0.12 / height, NOTICE, fontsize=8, color="#57606a")
    return figure


def zoom_of(curves: Sequence[tuple[Scores, Scores]]) -> float | None:
    """The side of the corner, of `ZOOMS`, in which the curves that come close to it can be told apart.

    Args:
        curves: False positive rate and sensitivity of each.

    Returns:
        None where no curve comes close, or where one runs through the place of the inset.
    """
    left, bottom, _, height = INSET
    left -= 0.08  # its labels
    if any(np.interp(left, rate, sensitivity) < bottom + height for rate, sensitivity in curves):
        return None
    nearest = [float(np.maximum(rate, 1 - sensitivity).min()) for rate, sensitivity in curves]
    return max((next(side for side in ZOOMS if side >= 2 * n) for n in nearest if 2 * n <= ZOOMS[-1]), default=None)


def save_figure(folder: Path, figure: Figure) -> None:
    """Write a figure as PNG and SVG, the same bytes whenever it is drawn from the same values.

    Raises:
        UserError: They cannot be written.
    """
    try:
        with rc_context({"svg.hashsalt": "xray"}):
            figure.savefig(folder / f"{NAME}.svg", metadata={"Date": None, "Creator": None})
            figure.savefig(folder / f"{NAME}.png", dpi=150, metadata={"Software": None})
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): name another with --out.") from error


def _draw(axes: Axes, i: int, rate: Scores, sensitivity: Scores, label: str) -> None:
    style = {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i % len(STYLES)]}
    (line,) = axes.plot(rate, sensitivity, linewidth=1.6, label=label, **style)  # type: ignore[arg-type]
    line.set_gid("curve")


def _mark(axes: Axes, i: int, labels: Labels, decisions: Labels) -> None:
    counts = Confusion.of(labels, decisions)
    colour = COLOURS[i % len(COLOURS)]
    axes.plot(1 - counts.specificity, counts.sensitivity, "o", color=colour, markeredgecolor="white", markersize=6)


def _frame(axes: Axes, side: float) -> None:
    edge = 0.02 * side
    axes.set(xlim=(-edge, side + edge), ylim=(1 - side - edge, 1 + edge))
    axes.set_aspect("equal")
    axes.grid(color="#e6e9ed", linewidth=0.8)
    axes.set_axisbelow(True)


def _frame_inset(axes: Axes, inset: Axes, side: float) -> None:
    _frame(inset, side)
    ticks = np.linspace(0, side, 3)
    inset.set(xticks=ticks, yticks=1 - ticks)
    inset.tick_params(labelsize=8)
    for tick in inset.get_yticklabels():
        tick.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.indicate_inset_zoom(inset, edgecolor=FAINT)


def _add_legend(figure: Figure, axes: Axes, place: tuple[float, float]) -> None:
    legend = figure.legend(
        handles=[line for line in axes.lines if line.get_gid() == "curve"],
        loc="lower left",
        bbox_to_anchor=place,
        fontsize=9,
        frameon=False,
        handlelength=3.2,
        title="AUROC with its 95% interval over patients; dots: operating points",
        title_fontsize=9,
        alignment="left",
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name may hold a dollar sign
