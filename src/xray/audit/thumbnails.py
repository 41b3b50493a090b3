"""Small pictures for the page, as data URIs: the page needs no file beside it."""

import base64
import io
from typing import Final

from PIL import Image

from xray.data.film import FORMATS
from xray.files import StrPath

SIDE: Final = 160
QUALITY: Final = 70
MOST_BYTES: Final = 30_000
"""Of one JPEG; encoded it stays below 40 KB. At 160 pixels only noise comes near, and is then left out."""


def thumbnail(path: StrPath) -> str | None:
    """A picture of at most 160x160 with the film's aspect and colour, as a data URI; None where there is none."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("RGB" if image.mode != "L" else "L", (SIDE, SIDE))
            # 16-bit grey would be cut off by a mere conversion; its thumbnail is dark at worst.
            small = image.convert("L" if image.mode.startswith(("I", "L", "F", "1")) else "RGB")
        small.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=QUALITY)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if file.tell() > MOST_BYTES:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
