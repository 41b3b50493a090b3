"""Grad-CAM overlays for the report."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import read_image
from xray.evaluation.scored_set import ScoredSet
from xray.explain.maps import Explanation
from xray.explain.overlay import colours, heat_layer, over_grey
from xray.report.embedded_image import EmbeddedImage, embed_image
from xray.utils.files import StrPath

SIDE: Final = 256
"""Longer side of an image in pixels."""
GREY: Final = 128
"""Grey level under the colours of the scale, 0 to 255."""


@dataclass(frozen=True)
class MappedImage:
    """An image with its Grad-CAM map."""

    name: str
    patient: str
    label: str
    decision: str
    probability: float
    limit: float
    """Largest absolute value of the map's colour scale, in logits."""
    image: EmbeddedImage
    overlay: EmbeddedImage


def mapped_images(scored_set: ScoredSet) -> list[tuple[str, list[MappedImage]]]:
    """Return the images that have maps, grouped by kind of decision; each group with its heading."""
    return [(title, list(images)) for title, images in groupby(_mapped_images(scored_set), _heading)]


def scale() -> EmbeddedImage:
    """Return the colour scale from the negative end to the positive end, over grey."""
    values = np.repeat(np.linspace(-1, 1, 200)[None], 8, axis=0)
    return embed_image(over_grey(np.full(values.shape, GREY, np.uint8), colours(values)), "PNG")


def _mapped_images(scored_set: ScoredSet) -> Iterator[MappedImage]:
    table, rule = scored_set.table, scored_set.source.get("resize", "stretch")
    for row, values in scored_set.maps.items():
        explanation = Explanation.of("gradcam", values)
        path = table.path[row]
        pixels = _load_small(path)
        if isinstance(pixels, EmbeddedImage):
            image = overlay = pixels
        else:
            layer = heat_layer(explanation, (pixels.shape[0], pixels.shape[1]), rule)
            image, overlay = embed_image(pixels), embed_image(over_grey(pixels, layer))
        yield MappedImage(
            PurePath(path).name,
            table.patient[row],
            table.label[row],
            table.decision[row],
            float(table.probability[row]),
            explanation.limit,
            image,
            overlay,
        )


def _load_small(path: StrPath) -> npt.NDArray[np.uint8] | EmbeddedImage:
    if not Path(path).is_file():
        return EmbeddedImage(reason="The image file no longer exists.")
    try:
        image = Image.fromarray(read_image(path, SIDE))
    except UnreadableImageError as error:
        return EmbeddedImage(reason=f"The image cannot be read: {error}.")
    image.thumbnail((SIDE, SIDE))
    return np.asarray(image, dtype=np.uint8)


def _heading(image: MappedImage) -> str:
    if image.label == image.decision:
        return f"Correctly predicted {image.label}, typical examples"
    return f"{image.label} predicted as {image.decision}, worst errors"
