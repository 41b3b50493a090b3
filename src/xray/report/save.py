"""Write figures as PNG and SVG, and return SVG as an inline element."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import escape
from matplotlib.figure import Figure

from xray.report.style import report_style
from xray.utils.errors import UserError
from xray.utils.files import atomic_path

DPI = 150
COLOURS = {"#ffffff": "--ground", "#000000": "--text", "#e6e9ed": "--grid", "#57606a": "--soft", "#0072b2": "--model"}
"""Colours of the figures that the page sets by its own variables, so that they also suit a dark page."""


def save_figures(folder: Path, figures: Mapping[str, Figure], known: Sequence[str] = ()) -> dict[str, str]:
    """Write each figure as NAME.png and NAME.svg; the same values always give the same bytes.

    Args:
        folder: Output folder.
        figures: Figures by name.
        known: Names that earlier reports may have used; files of those that are not in `figures` are removed.

    Returns:
        The SVG text of each figure.

    Raises:
        UserError: A file cannot be written.
    """
    texts = {}
    for name, figure in figures.items():
        vector, pixels = io.StringIO(), io.BytesIO()
        with report_style():
            figure.savefig(vector, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
            figure.savefig(pixels, format="png", dpi=DPI, metadata={"Software": None})
        # Remove the DOCTYPE: XML readers might fetch its address.
        texts[name] = re.sub(r"<!DOCTYPE[^>]*>\n?", "", vector.getvalue())
        for path, content in (
            (folder / f"{name}.svg", texts[name].encode()),
            (folder / f"{name}.png", pixels.getvalue()),
        ):
            try:
                with atomic_path(path) as partial:
                    partial.write_bytes(content)
            except OSError as error:
                reason = error.strerror
                raise UserError(f"{path} cannot be written ({reason}): free disk space or fix permissions.") from error
    for name in set(known) - set(figures):
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    return texts


def inline_svg(name: str, text: str, description: str) -> str:
    """Return an SVG file as an inline element: unique ids, the page's colours, and a description for screen readers."""
    opening, rest = text[text.index("<svg") :].split(">", 1)
    view = re.search(r'viewBox="[^"]*"', opening)
    assert view is not None, "Matplotlib always writes one"
    rest = re.sub(r'\bid="', f'id="{name}-', rest)
    rest = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", rest)
    for colour, variable in COLOURS.items():
        rest = rest.replace(f": {colour}", f": var({variable})")
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} {view[0]} role="img" aria-label="{escape(description)}">{rest.rstrip()}'
