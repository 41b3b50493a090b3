"""Detect images in true colour: in a radiograph stored as RGB the three channels are equal."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.decode.header import ImageHeader
from xray.data.decode.pillow import open_image
from xray.utils.files import StrPath
from xray.utils.progress import with_progress
from xray.utils.threads import map_in_threads

COLOUR_THRESHOLD: Final = 4.0
"""Mean difference of the channels, in levels from 0 to 255, above which an image counts as coloured. All 5,232 real
images stored as RGB have 0; two colour photographs have 26 and 71."""

SIDE: Final = 64


def colourfulness(paths: Sequence[StrPath], headers: Sequence[ImageHeader]) -> npt.NDArray[np.float64]:
    """Return the mean over each image of its highest minus its lowest channel, in levels from 0 to 255.

    Args:
        paths: Readable files.
        headers: Headers of the files; only files stored in colour are decoded, as thumbnails.

    Returns:
        Shape (paths,); 0 for files stored in grey and for DICOM, which is read as grey.
    """
    coloured = [i for i, header in enumerate(headers) if header.in_colour and header.format != "DICOM"]
    result = np.zeros(len(paths))
    values = map_in_threads(_colour_of, [paths[i] for i in coloured])
    for i, value in zip(coloured, with_progress(values, "Looking for colour", len(coloured)), strict=True):
        result[i] = value
    return result


def _colour_of(path: StrPath) -> float:
    with open(path, "rb") as file, open_image(file) as image:  # noqa: PTH123 - there may be many
        image.draft("RGB", (SIDE, SIDE))
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    channels = np.asarray(small, dtype=np.float64)
    return float((channels.max(axis=2) - channels.min(axis=2)).mean())
