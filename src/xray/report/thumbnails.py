"""Thumbnails as data URIs, and the images to show: worst errors and duplicates."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import load_image
from xray.evaluation.metrics import class_indices
from xray.evaluation.predictions import Predictions
from xray.utils.files import StrPath

SIDE: Final = 160
QUALITIES: Final = (80, 50, 25)
MAX_BYTES: Final = 25_000
"""Of one JPEG; a radiograph needs about 5,000, only noise comes near the limit."""
MAX_ERRORS: Final = 12
"""False negatives shown, and false positives shown."""
MAX_PAIRS: Final = 6
"""Pairs of duplicates shown as thumbnails; all others are listed as text."""


@dataclass(frozen=True)
class EmbeddedImage:
    """An image as a data URI, or the reason why it cannot be shown."""

    uri: str = ""
    reason: str = ""


@dataclass(frozen=True)
class WrongImage:
    """A misclassified image: file name, patient, probability of the positive class, and thumbnail."""

    name: str
    patient: str
    probability: float
    thumbnail: EmbeddedImage


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


def worst_errors(table: Predictions, class_names: Sequence[str]) -> tuple[list[WrongImage], list[WrongImage]]:
    """Return false negatives and false positives, at most `MAX_ERRORS` of each, the most confident first."""
    labels, decisions = class_indices(table.label, class_names), class_indices(table.decision, class_names)
    # Sort by logit: many probabilities may round to exactly 0 or 1.
    order = np.argsort(table.logit, kind="stable")
    false_negatives = [int(i) for i in order if labels[i] == 1 and decisions[i] == 0]
    false_positives = [int(i) for i in order[::-1] if labels[i] == 0 and decisions[i] == 1]
    return _wrong_images(table, false_negatives), _wrong_images(table, false_positives)


def pairs(duplicates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the duplicates, pairs with training images first, with thumbnails of the first `MAX_PAIRS` pairs."""
    ordered = sorted(duplicates, key=lambda pair: (pair["with"] != "training", -float(pair["similarity"])))
    return [
        dict(pair) | {"thumbnails": [thumbnail(pair["first"]), thumbnail(pair["second"])] if i < MAX_PAIRS else []}
        for i, pair in enumerate(ordered)
    ]


def _wrong_images(table: Predictions, rows: Sequence[int]) -> list[WrongImage]:
    return [
        WrongImage(
            PurePath(table.path[row]).name,
            table.patient[row],
            float(table.probability[row]),
            thumbnail(table.path[row]),
        )
        for row in rows[:MAX_ERRORS]
    ]
