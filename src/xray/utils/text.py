"""Texts that come from outside, made fit for a terminal, for Markdown and for a legend."""

import html
import re


def printable(text: str) -> str:
    r"""The text with line breaks, control characters and bytes that are no Unicode written out, such as `\n`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def markdown(text: str) -> str:
    """The text so that Markdown and HTML in it show as they are, in a cell of a table too."""
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(text, quote=False))


def shortened(text: str, most: int) -> str:
    """At most so many characters, with the middle left out: names of runs differ at their ends."""
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept // 3]}…{text[kept // 3 - kept :]}"
