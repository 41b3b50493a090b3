"""Small pictures for the page, as data URIs: the page needs no file beside it."""

import base64
import io
from typing import Final

from PIL import Image

from xray.data.decode.dicom.header import HEAD, is_dicom
from xray.data.decode.image import read_image
from xray.data.decode.pillow import open_image
from xray.utils.files import StrPath

SIDE: Final = 160
QUALITY: Final = 70
MOST_BYTES: Final = 30_000
"""Of one JPEG; encoded it stays below 40 KB. At 160 pixels only noise comes near, and is then left out."""


def thumbnail(path: StrPath) -> str | None:
    """A picture of at most 160x160 with the image's aspect and colour, as a data URI; None where there is none."""
    try:
        small = _open(path)
        small.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=QUALITY)
    except (OSError, ValueError, SyntaxError):
        return None
    if file.tell() > MOST_BYTES:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _open(path: StrPath) -> Image.Image:
    with open(path, "rb") as file:  # noqa: PTH123 - any kind of path
        if is_dicom(file.read(HEAD)):
            return Image.fromarray(read_image(file))
        with open_image(file) as image:
            image.draft("RGB" if image.mode != "L" else "L", (SIDE, SIDE))
            # 16-bit grey would be cut off by a mere conversion; its thumbnail is dark at worst.
            return image.convert("L" if image.mode.startswith(("I", "L", "F", "1")) else "RGB")
