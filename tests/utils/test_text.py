"""Escaping and shortening of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.utils.text import escape_markdown, printable, shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cnn/version_0", "cnn/version_0"),
        ("Größe 日本", "Größe 日本"),
        ("two\nlines\t", "two\\nlines\\t"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("odd\udcff", "odd\\udcff"),
    ],
)
def test_escapes_unprintable_characters(text, expected):
    assert printable(text) == expected


@given(st.text())
def test_printable_text_is_one_line_of_unicode(text):
    assert printable(text).isprintable()
    assert printable(text).encode("utf-8").decode("utf-8") == printable(printable(text))


def test_escapes_markdown():
    assert escape_markdown("[a](b)|<b>*c*_d_`e`\\&") == r"\[a\](b)\|&lt;b&gt;\*c\*\_d\_\`e\`\\&amp;"


@given(st.text(), st.integers(6, 60))
def test_shortened_text_keeps_both_ends(text, max_length):
    short = shortened(text, max_length)
    assert len(short) == min(len(text), max_length)
    if len(text) > max_length:
        before, _, after = short.partition("…") if "…" not in text else (short[:1], "", short[-1:])
        assert text.startswith(before)
        assert text.endswith(after)
