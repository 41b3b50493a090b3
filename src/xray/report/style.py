"""Style of the report's figures: constants, and helpers for axes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MODEL, SECOND, THIRD = "#0072b2", "#d55e00", "#009e73"
"""Colours that colour-blind readers can distinguish (Okabe and Ito, 2008)."""
CLASSES: Final = (MODEL, SECOND)
FAINT = "#8a94a0"
GRID_LINE = "#e6e9ed"
PLAIN_WHITE = "#fefefe"
"""White that stays white where the page is dark; see `xray.report.save.COLOURS`."""
LEGEND_ROW = 0.2
"""Height of a row of a legend above a panel, in inches."""
BAND = 0.18
"""Opacity of an interval band."""
SQUARE, WIDE = (5.2, 5.2), (5.2, 4.3)
"""Figure sizes in inches; 10-point text stays legible at the width of a phone."""

STYLE: Final[dict[str, Any]] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # Matplotlib's search for the best height takes a tenth of the time of drawing
    "legend.fontsize": 9,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "text.parse_math": False,  # a class name may be $x$
    "svg.hashsalt": "xray",
    "svg.fonttype": "path",  # looks the same on systems without the font
}
ZOOMS: Final = (0.02, 0.05, 0.1, 0.2)
"""Possible side lengths of the corner shown in an inset."""
INSET: Final = (0.3, 0.27, 0.56, 0.56)
"""Position of the inset in the axes of a ROC curve: left, bottom, width, height."""


@contextmanager
def report_style() -> Iterator[None]:
    """Draw in the report's style, independent of the user's Matplotlib settings; also serves as a decorator."""
    with rc_context():
        rcdefaults()
        rcParams.update(STYLE)  # type: ignore[arg-type]
        yield


def panel(size: tuple[float, float], left: float = 0.72, bottom: float = 0.62) -> tuple[Figure, Axes]:
    """Create a figure with one panel and margins in inches, so that panels of figures of one size align."""
    width, height = size
    figure = Figure(figsize=size)
    axes = figure.add_axes((left / width, bottom / height, 1 - (left + 0.2) / width, 1 - (bottom + 0.42) / height))
    return figure, axes


def frame(axes: Axes, x: str, y: str, title: str) -> None:
    """Set the axis labels and title, and draw a faint grid behind the data."""
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.grid(color=GRID_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def unit_square(axes: Axes) -> None:
    """Set both axes to 0 to 1, with room for a line at the edge."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def legend_above(axes: Axes, columns: int = 3) -> None:
    """Put the legend between title and panel, where it covers no curve; the panel shrinks to make room for it."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    rows = -(-len(axes.get_legend_handles_labels()[1]) // columns)
    box = axes.get_position()
    height = box.height - (LEGEND_ROW * rows + 0.04) / figure.get_figheight()
    axes.set_position((box.x0, box.y0, box.width, height))
    axes.set_title(axes.get_title(loc="left"), pad=72 * (LEGEND_ROW * rows + 0.11))
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        borderaxespad=0.1,
        columnspacing=1.2,
        handlelength=1.5,
        frameon=False,
    )


def write_centred(axes: Axes, text: str) -> None:
    """Write text in the middle of an empty panel."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="#57606a", wrap=True)


def inset_side(distance: float) -> float | None:
    """Return the side (from `ZOOMS`) of the corner to enlarge, or None if the curve is at too large a distance."""
    return next((side for side in ZOOMS if side >= 2 * distance), None)


def frame_inset(axes: Axes, inset: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Set an inset to show the given part of its axes, and mark that part in the axes."""
    edge = 0.03 * (x[1] - x[0])
    inset.set(xlim=(x[0] - edge, x[1] + edge), ylim=(y[0] - edge, y[1] + edge))
    inset.set(xticks=np.linspace(*x, 3), yticks=np.linspace(*y, 3))
    inset.tick_params(labelsize=9)
    inset.grid(color=GRID_LINE, linewidth=0.8)
    inset.set_axisbelow(True)
    axes.indicate_inset_zoom(inset, edgecolor=FAINT)
