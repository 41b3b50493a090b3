"""Text that Matplotlib can draw."""

from matplotlib.font_manager import FontProperties, findfont, get_font

from xray.utils.text import printable


def drawable(text: str) -> str:
    r"""Escape what `printable` escapes, and characters that the font lacks (as `\u80ba`), which draw as empty boxes."""
    glyphs = get_font(findfont(FontProperties())).get_charmap()
    return "".join(c if ord(c) in glyphs else c.encode("unicode_escape").decode() for c in printable(text))
