"""Small pictures of images as data URIs, so that a page needs no file beside it; which images are worth showing."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.decode.image import UnreadableImageError, load_image
from xray.evaluation.metrics import as_numbers
from xray.evaluation.predictions import Predictions
from xray.utils.files import StrPath

SIDE: Final = 160
QUALITIES: Final = (80, 50, 25)
MOST_BYTES: Final = 25_000
"""Of one JPEG; an image has some 5,000, only noise comes near."""
MOST_ERRORS: Final = 12
"""Shown of each kind."""
MOST_PAIRS: Final = 6
"""Pairs of duplicates with their pictures; all are listed."""


@dataclass(frozen=True)
class Picture:
    """An image, or the reason why it cannot be shown.

    Args:
        uri: The picture as a data URI; empty where there is none.
        reason: Why there is none; empty where there is one.
    """

    uri: str = ""
    reason: str = ""


@dataclass(frozen=True)
class WrongImage:
    """An image that was decided wrongly: file, folder, patient, probability of the positive class, and its picture."""

    name: str
    folder: str
    patient: str
    probability: float
    picture: Picture


def thumbnail(path: StrPath) -> Picture:
    """An image of any size or mode, padded to a square of `SIDE` pixels, as a grey JPEG of at most `MOST_BYTES`."""
    if not Path(path).is_file():
        return Picture(reason="The image is no longer there.")
    try:
        return picture_of(load_image(path, SIDE, "pad"))
    except UnreadableImageError as error:
        return Picture(reason=f"The image cannot be read: {error}.")


def picture_of(pixels: npt.NDArray[np.uint8], kind: Literal["JPEG", "PNG"] = "JPEG") -> Picture:
    """Grey or coloured pixels as a JPEG of at most `MOST_BYTES`, or as a PNG."""
    image = Image.fromarray(pixels)
    for quality in QUALITIES:
        file = io.BytesIO()
        image.save(file, kind, quality=quality, optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return Picture(uri=f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode('ascii')}")


def worst_errors(table: Predictions, class_names: Sequence[str]) -> tuple[list[WrongImage], list[WrongImage]]:
    """Images of the second class that were missed, and of the first that were called, the most confident ones first.

    Returns:
        At most `MOST_ERRORS` of each.
    """
    labels, decisions = as_numbers(table.label, class_names), as_numbers(table.decision, class_names)
    # By logit where many probabilities are 0 or 1 to the last digit.
    order = np.argsort(table.logit, kind="stable")
    missed = [int(i) for i in order if labels[i] == 1 and decisions[i] == 0]
    called = [int(i) for i in order[::-1] if labels[i] == 0 and decisions[i] == 1]
    return tuple([_wrong(table, i) for i in rows[:MOST_ERRORS]] for rows in (missed, called))  # type: ignore[return-value]


def pairs(duplicates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Duplicates with the pictures of the first `MOST_PAIRS`, those with training images before all others."""
    ordered = sorted(duplicates, key=lambda pair: (pair["with"] != "training", -float(pair["similarity"])))
    return [
        dict(pair) | {"pictures": [thumbnail(pair["first"]), thumbnail(pair["second"])] if i < MOST_PAIRS else []}
        for i, pair in enumerate(ordered)
    ]


def _wrong(table: Predictions, i: int) -> WrongImage:
    path = PurePath(table.path[i])
    return WrongImage(
        path.name, str(path.parent), table.patient[i], float(table.probability[i]), thumbnail(table.path[i])
    )
