"""Draw the ROC curves of several runs in one figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from xray import NOTICE
from xray.compare.images import SharedImages
from xray.evaluation.arrays import Scores
from xray.evaluation.curves import roc_points
from xray.evaluation.metrics import Confusion
from xray.report.style import FAINT, frame, frame_inset, inset_side, report_style, unit_square
from xray.report.summary_text import interval, number
from xray.utils.text import shortened

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Colour-blind safe (Okabe and Ito, 2008); line styles distinguish the runs in black and white."""
STYLES = ("-", "--", "-.", ":")
INSET = (0.42, 0.12, 0.52, 0.52)
"""Position of the inset in axes coordinates: left, bottom, width, height."""
MAX_NAME = 34
NAME = "roc"


@report_style()
def compared_roc_figure(images: SharedImages, comparison: Mapping[str, Any]) -> Figure:
    """Draw ROC curve and operating point of each run, with the top left corner enlarged if curves come close to it."""
    side, legend = 5.2, 0.205 * len(images.runs) + 0.4
    width, height = side + 1.0, side + legend + 1.15
    figure = Figure(figsize=(width, height))
    box = (0.75 / width, (legend + 0.75) / height, side / width, side / height)
    axes = figure.add_axes(box)
    curves = [roc_points(images.labels, run.logits) for run in images.runs]
    zoom = corner_of([curve for curve in curves if np.isfinite(curve).all()])
    inset = axes.inset_axes(INSET) if zoom else None
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1)
    handles = []
    for i, (run, (rate, sensitivity)) in enumerate(zip(images.runs, curves, strict=True)):
        colour, style = COLOURS[i % len(COLOURS)], STYLES[i % len(STYLES)]
        row, counts = comparison["runs"][i], Confusion.of(images.labels, run.decisions)
        auroc = row["metrics"]["auroc"]
        bounds = f" ({known})" if (known := interval(auroc)) else ""
        label = f"{row['letter']}  {shortened(run.name, MAX_NAME)}: {number(auroc['value'])}{bounds}"
        for target in (axes, inset) if inset else (axes,):
            handles += target.plot(rate, sensitivity, color=colour, linestyle=style, linewidth=1.6, label=label)
            point = 1 - counts.specificity, counts.sensitivity
            target.plot(*point, "o", color=colour, markeredgecolor="white", markersize=6)
    title = f"ROC curves on {comparison['images']} images of {comparison['patients']} patients"
    frame(axes, "1 - specificity", "Sensitivity", title)
    unit_square(axes)
    if inset and zoom:
        frame_inset(axes, inset, (0, zoom), (1 - zoom, 1))
    if not all(np.isfinite(curve).all() for curve in curves):
        axes.text(0.5, 0.5, "not defined: a class is absent", ha="center", va="center")
    figure.legend(
        handles=[line for line in handles if line.axes is axes],
        loc="lower left",
        bbox_to_anchor=(box[0] - 0.02, 0.3 / height),
        fontsize=9,
        frameon=False,
        handlelength=3.2,
        title="AUROC with its 95% interval over patients; dots: operating points",
        title_fontsize=9,
        alignment="left",
    )
    figure.text(box[0], 0.12 / height, NOTICE, fontsize=8, color="#57606a")
    return figure


def corner_of(curves: Sequence[tuple[Scores, Scores]]) -> float | None:
    """Return the side of the top left corner to enlarge, so that curves close to it can be distinguished.

    A curve is its false positive rate and sensitivity. None if no curve comes close to the corner, or if one passes
    through the inset.
    """
    left, bottom, _, height = INSET
    left -= 0.08  # room for its tick labels
    if any(np.interp(left, rate, sensitivity) < bottom + height for rate, sensitivity in curves):
        return None
    sides = (inset_side(float(np.maximum(rate, 1 - sensitivity).min())) for rate, sensitivity in curves)
    return max((side for side in sides if side), default=None)
