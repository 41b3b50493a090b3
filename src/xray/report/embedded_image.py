"""Images as data URIs, to embed in a page."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import load_image
from xray.utils.files import StrPath

SIDE: Final = 160
QUALITIES: Final = (80, 50, 25)
MAX_BYTES: Final = 25_000
"""Maximum size of one JPEG; a radiograph needs about 5,000, only noise comes near the limit."""


@dataclass(frozen=True)
class EmbeddedImage:
    """An image as a data URI, or the reason why it cannot be shown."""

    uri: str = ""
    reason: str = ""


def thumbnail(path: StrPath) -> EmbeddedImage:
    """Return an image padded to a square of `SIDE` pixels, as a grey JPEG of at most `MAX_BYTES`."""
    if not Path(path).is_file():
        return EmbeddedImage(reason="The image file no longer exists.")
    try:
        return embed_image(load_image(path, SIDE, "pad"))
    except UnreadableImageError as error:
        return EmbeddedImage(reason=f"The image cannot be read: {error}.")


def embed_image(pixels: npt.NDArray[np.uint8], file_format: Literal["JPEG", "PNG"] = "JPEG") -> EmbeddedImage:
    """Encode grey or colour pixels as a JPEG of at most `MAX_BYTES`, or as a PNG."""
    image = Image.fromarray(pixels)
    for quality in QUALITIES:
        file = io.BytesIO()
        image.save(file, file_format, quality=quality, optimize=True)
        if file.tell() <= MAX_BYTES:
            break
    content = base64.b64encode(file.getvalue()).decode("ascii")
    return EmbeddedImage(uri=f"data:image/{file_format.lower()};base64,{content}")
