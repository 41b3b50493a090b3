"""Escape and shorten text for terminals, Markdown and legends."""

import html
import re


def printable(text: str) -> str:
    r"""Escape line breaks (as `\n`), control characters and bytes that are not valid Unicode."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def escape_markdown(text: str) -> str:
    """Escape Markdown and HTML in a text, also for table cells."""
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(text, quote=False))


def shortened(text: str, max_length: int) -> str:
    """Shorten a text to `max_length` characters by removing its middle: run names differ at their ends."""
    if len(text) <= max_length:
        return text
    kept = max_length - 1
    return f"{text[: kept // 3]}…{text[kept // 3 - kept :]}"


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 image`, `1,155 images`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def decimals(images: int) -> int:
    """Return with how many decimals a share of so many images is shown: two below 200, three below 2,000, else four."""
    return 2 if images < 200 else 3 if images < 2000 else 4
