import pytest
from matplotlib.figure import Figure

from xray.utils.glyphs import drawable


@pytest.mark.parametrize("text", ["肺炎", "NORMAL", "Lungenentzündung", "пневмония", "a\nb\x07", "🫁"])
def test_escaped_text_is_drawn_without_a_warning(text, recwarn):
    figure = Figure()
    figure.text(0, 0, drawable(text), parse_math=False)
    figure.canvas.draw()
    assert [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)] == []


def test_escapes_only_what_the_font_lacks():
    assert drawable("Lungenentzündung, пневмония") == "Lungenentzündung, пневмония"
    assert drawable("P 肺\n") == r"P \u80ba\n"
