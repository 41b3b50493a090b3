"""Thumbnails for the page as data URIs, so that the page is self-contained."""

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
            if is_dicom(file.read(HEAD_BYTES)):
                small = Image.fromarray(read_image(file))
            else:
                with open_image(file) as image:
                    image.draft("RGB", (SIDE, SIDE))
                    # "I" and "F" hold 16-bit grey: the conversion clips it, which is good enough for a thumbnail.
                    small = image.convert("L" if image.mode.startswith(("I", "L", "F", "1")) else "RGB")
        small.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, SyntaxError):
        return None
    return embed_image(np.asarray(small)).uri
