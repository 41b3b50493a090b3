"""Thumbnails for the page as data URIs, so that the page is self-contained."""

from typing import IO

import numpy as np
from PIL import Image

from xray.data.decode.dicom.tags import HEAD_BYTES, is_dicom
from xray.data.decode.image import read_image
from xray.data.decode.pillow import open_image
from xray.report.embedded_image import SIDE, embed_image
from xray.utils.files import StrPath


def colour_thumbnail(path: StrPath) -> str | None:
    """Return the data URI of an image in its aspect ratio and colour, at most 160x160; None if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - any kind of path
            small = _in_colour(file)
        small.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, SyntaxError):
        return None
    return embed_image(np.asarray(small)).uri


def _in_colour(file: IO[bytes]) -> Image.Image:
    """Decode an open file; those that store no bytes (DICOM, 16-bit and floating-point greys) in grey."""
    if not is_dicom(file.read(HEAD_BYTES)):
        with open_image(file) as image:
            if not image.mode.startswith(("I", "F")):
                image.draft("RGB", (SIDE, SIDE))
                return image.convert("L" if image.mode.startswith(("L", "1")) else "RGB")
    return Image.fromarray(read_image(file))
