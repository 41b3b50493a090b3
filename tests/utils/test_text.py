"""Names that hold marks show as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.utils.text import markdown, printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cnn/version_0", "cnn/version_0"),
        ("Größe 日本", "Größe 日本"),
        ("two\nlines\t", "two\\nlines\\t"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("odd\udcff", "odd\\udcff"),
    ],
)
def test_what_cannot_be_printed_is_written_out(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_a_printable_text_is_one_line_of_unicode(text):
    assert printable(text).isprintable()
    assert printable(text).encode("utf-8").decode("utf-8") == printable(printable(text))


def test_markdown_is_escaped():
    assert markdown("[a](b)|<b>*c*_d_`e`\\&") == r"\[a\](b)\|&lt;b&gt;\*c\*\_d\_\`e\`\\&amp;"


@given(st.text(), st.integers(6, 60))
def test_a_shortened_text_keeps_both_ends(text, most):
    found = shortened(text, most)
    assert len(found) == min(len(text), most)
    if len(text) > most:
        before, _, after = found.partition("…") if "…" not in text else (found[:1], "", found[-1:])
        assert text.startswith(before)
        assert text.endswith(after)
