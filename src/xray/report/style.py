"""How all figures of a report look, and how they are kept."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xray.utils.errors import UserError
from xray.utils.files import whole, write_whole

MODEL, SECOND, THIRD = "#0072b2", "#d55e00", "#009e73"
"""Told apart by the colour-blind (Okabe and Ito, 2008)."""
CLASSES: Final = (MODEL, SECOND)
FAINT = "#8a94a0"
GRID_LINE = "#e6e9ed"
BAND = 0.18
"""Opacity of a band."""
SQUARE, WIDE = (5.2, 5.2), (5.2, 4.3)
"""Inches: at the width of a phone a letter of 10 points is still read."""
DPI = 150

STYLE: Final[dict[str, Any]] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.fontsize": 9,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "text.parse_math": False,  # a class may be called $x$
    "svg.hashsalt": "xray",
    "svg.fonttype": "path",  # looks the same where a font is missing
}
ZOOMS: Final = (0.02, 0.05, 0.1, 0.2)
"""Sides of the corner that an inset may show."""
INSET: Final = (0.3, 0.27, 0.56, 0.56)
"""Place of the inset of a ROC curve in its axes: left, bottom, width, height."""

Drawing = ParamSpec("Drawing")


def styled(draw: Callable[Drawing, Figure]) -> Callable[Drawing, Figure]:
    """Draw in the report's style, whatever the user's own settings of matplotlib are."""

    @wraps(draw)
    def in_style(*args: Drawing.args, **kwargs: Drawing.kwargs) -> Figure:
        with rc_context():
            _set_style()
            return draw(*args, **kwargs)

    return in_style


def panel(size: tuple[float, float], left: float = 0.72, bottom: float = 0.62) -> tuple[Figure, Axes]:
    """A figure with one panel; margins in inches, so that panels of one size lie alike."""
    width, height = size
    figure = Figure(figsize=size)
    axes = figure.add_axes((left / width, bottom / height, 1 - (left + 0.2) / width, 1 - (bottom + 0.42) / height))
    return figure, axes


def frame(axes: Axes, x: str, y: str, title: str) -> None:
    """Label a panel and lay a faint grid behind it."""
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.grid(color=GRID_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def unit_square(axes: Axes) -> None:
    """Both axes from 0 to 1, with room for a line at the edge."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def say(axes: Axes, text: str) -> None:
    """Write in the middle of a panel why there is nothing else in it."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="#57606a", wrap=True)


def zoom_of(distance: float) -> float | None:
    """The side of the corner, of `ZOOMS`, in which a curve that comes so close to it can be seen; None where far."""
    return next((side for side in ZOOMS if side >= 2 * distance), None)


def frame_inset(axes: Axes, inset: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Make an inset show this part of its axes, and mark the part there."""
    edge = 0.03 * (x[1] - x[0])
    inset.set(xlim=(x[0] - edge, x[1] + edge), ylim=(y[0] - edge, y[1] + edge))
    inset.set(xticks=np.linspace(*x, 3), yticks=np.linspace(*y, 3))
    inset.tick_params(labelsize=9)
    inset.grid(color=GRID_LINE, linewidth=0.8)
    inset.set_axisbelow(True)
    axes.indicate_inset_zoom(inset, edgecolor=FAINT)


def save_figures(folder: Path, figures: Mapping[str, Figure], known: Sequence[str] = ()) -> dict[str, str]:
    """Write each figure as NAME.png and NAME.svg, the same bytes whenever it is drawn from the same values.

    Args:
        folder: Where to.
        figures: By name.
        known: Names of figures of earlier reports, whose files are removed where they are not among these.

    Returns:
        The SVG text of each.

    Raises:
        UserError: They cannot be written.
    """
    texts = {}
    for name, figure in figures.items():
        with rc_context():
            _set_style()
            vector, pixels = io.StringIO(), io.BytesIO()
            figure.savefig(vector, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
            figure.savefig(pixels, format="png", dpi=DPI, metadata={"Software": None})
        # Without the address of the document type, which a reader of XML might look up.
        texts[name] = re.sub(r"<!DOCTYPE[^>]*>\n?", "", vector.getvalue())
        with write_whole(folder / f"{name}.svg") as file:
            file.write(texts[name])
        picture = folder / f"{name}.png"
        try:
            with whole(picture) as partial:
                partial.write_bytes(pixels.getvalue())
        except OSError as error:
            raise UserError(
                f"{picture} cannot be written ({error.strerror}): free its disk or change its permissions."
            ) from error
    for name in set(known) - set(figures):
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    return texts


def inline_svg(name: str, text: str, description: str) -> str:
    """An SVG file as a part of a page: as wide as its place, with ids of its own and a description for readers.

    Args:
        name: Of the figure; begins all its ids.
        text: The file.
        description: Plain text, escaped here.
    """
    from markupsafe import escape

    opening, rest = text[text.index("<svg") :].split(">", 1)
    view = re.search(r'viewBox="[^"]*"', opening)
    assert view is not None, "matplotlib writes one"
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", rest)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} {view[0]} role="img" aria-label="{escape(description)}">{rest.rstrip()}'


def _set_style() -> None:
    from matplotlib import rcdefaults, rcParams

    rcdefaults()
    rcParams.update(STYLE)  # type: ignore[arg-type]
