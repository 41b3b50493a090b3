"""Images of a report with what moved the model's number laid over them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.decode.image import UnreadableImageError, read_image
from xray.evaluation.scored_set import ScoredSet
from xray.explain.maps import Explanation
from xray.explain.overlay import colours, heat_layer, over_grey
from xray.report.thumbnails import Picture, picture_of
from xray.utils.files import StrPath

SIDE: Final = 256
"""Longer side of a picture in pixels."""
GREY: Final = 128
"""The image under the colours of the scale."""


@dataclass(frozen=True)
class MappedImage:
    """An image with its map.

    Args:
        name: Its file.
        patient: Whose it is.
        label: Its class.
        decision: What the model took it for.
        probability: Of the positive class.
        limit: Where the colours of its map end, in units of the logit.
        image: The image, in its own proportions.
        overlay: The same with the map over it.
    """

    name: str
    patient: str
    label: str
    decision: str
    probability: float
    limit: float
    image: Picture
    overlay: Picture


def mapped_images(scored_set: ScoredSet) -> list[tuple[str, list[MappedImage]]]:
    """The images that have maps in the order of the record, by kind of decision under its heading."""
    return [(title, list(images)) for title, images in groupby(_images(scored_set), _kind)]


def scale() -> Picture:
    """The colours from the negative end of a scale to the positive one, over grey."""
    values = np.repeat(np.linspace(-1, 1, 200)[None], 8, axis=0)
    return picture_of(over_grey(np.full(values.shape, GREY, np.uint8), colours(values)), "PNG")


def _images(scored_set: ScoredSet) -> Iterator[MappedImage]:
    table, rule = scored_set.table, scored_set.source.get("resize", "stretch")
    for row, values in scored_set.maps.items():
        explanation = Explanation.of("gradcam", values)
        path = table.path[row]
        image = _small(path)
        if isinstance(image, Picture):
            pictures = image, image
        else:
            layer = heat_layer(explanation, (image.shape[0], image.shape[1]), rule)
            pictures = picture_of(image), picture_of(over_grey(image, layer))
        yield MappedImage(
            PurePath(path).name,
            table.patient[row],
            table.label[row],
            table.decision[row],
            float(table.probability[row]),
            explanation.limit,
            *pictures,
        )


def _small(path: StrPath) -> npt.NDArray[np.uint8] | Picture:
    if not Path(path).is_file():
        return Picture(reason="The image is no longer there.")
    try:
        image = Image.fromarray(read_image(path, SIDE))
    except UnreadableImageError as error:
        return Picture(reason=f"The image cannot be read: {error}.")
    image.thumbnail((SIDE, SIDE))
    return np.asarray(image, dtype=np.uint8)


def _kind(image: MappedImage) -> str:
    if image.label == image.decision:
        return f"Rightly called {image.label}, ordinary ones"
    return f"{image.label} taken for {image.decision}, the worst ones"
