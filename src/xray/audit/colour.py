"""Which pictures are truly coloured. An image stored as RGB has three equal channels; a photograph has not."""

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

COLOURED: Final = 4.0
"""Mean difference of the channels, in levels from 0 to 255, above which a picture counts as coloured. All 5,232 real
images stored as RGB have 0; two photographs in colour have 26 and 71."""

SIDE: Final = 64


def colourfulness(paths: Sequence[StrPath], facts: Sequence[ImageHeader]) -> npt.NDArray[np.float64]:
    """Mean over the picture of the strongest channel less the weakest, in levels from 0 to 255.

    Args:
        paths: Files that can be read.
        facts: Of each file; only what is stored in colour is decoded, as a thumbnail.

    Returns:
        Shape (paths,); 0 where a file has no room for colour or can no longer be read, or is DICOM, which is read in
        grey alone.
    """
    coloured = [i for i, fact in enumerate(facts) if fact.in_colour]
    found = np.zeros(len(paths))
    values = map_in_threads(_colour_of, [paths[i] for i in coloured])
    for i, value in zip(coloured, with_progress(values, "Looking for colour", len(coloured)), strict=True):
        found[i] = value
    return found


def _colour_of(path: StrPath) -> float:
    try:
        with open(path, "rb") as file, open_image(file) as image:  # noqa: PTH123 - there may be many
            image.draft("RGB", (SIDE, SIDE))
            small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError):
        return 0.0
    channels = np.asarray(small, dtype=np.float64)
    return float((channels.max(axis=2) - channels.min(axis=2)).mean())
