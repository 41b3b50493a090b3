"""What becomes of a logit when a part of the image is covered; needs no torch and no gradient, only a predictor."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from xray.data.arrays import Images
from xray.data.decode.image import GreyImage
from xray.predictor.base import BATCH
from xray.predictor.manifest import Scores

CELLS: Final = 16
"""Cells of the map along each side. A patch covers 2x2 of them, an eighth of the side, and patches overlap by half."""
BLUR: Final = 1 / 4
"""Standard deviation of the cover's blur, as a share of the image's side."""


def occlusion(logits: Callable[[Images], Scores], image: GreyImage) -> npt.NDArray[np.float64]:
    """Map of the drop of an image's logit while a patch of it is covered.

    Zeiler and Fergus, Visualizing and Understanding Convolutional Networks (ECCV 2014). The value of a cell is the
    mean over the patches that cover it. The image is judged 1 + 15 x 15 times.

    Args:
        logits: Logits of images of shape (any, size, size), such as `xray.predictor.base.Predictor.logits`.
        image: Shape (size, size), with a side of 16 pixels at least.

    Returns:
        Shape (16, 16), float64, in units of the logit: above 0 where what is there speaks for the positive class.
    """
    covered = cover(image)
    edges = np.rint(np.linspace(0, len(image), CELLS + 1)).astype(int)
    places = [(row, column) for row in range(CELLS - 1) for column in range(CELLS - 1)]
    whole = logits(image[None])[0]
    found: list[Scores] = []
    for start in range(0, len(places), BATCH):
        chunk = places[start : start + BATCH]
        images = np.repeat(image[None], len(chunk), axis=0)
        for one, (row, column) in zip(images, chunk, strict=True):
            patch = np.s_[edges[row] : edges[row + 2], edges[column] : edges[column + 2]]
            one[patch] = covered[patch]
        found.append(logits(images))
    drops = (whole - np.concatenate(found)).reshape(CELLS - 1, CELLS - 1)
    return _mean_of_patches(drops)


def cover(image: GreyImage) -> GreyImage:
    """The image so blurred that nothing of it is left but how bright each region is.

    A patch of one grey is a bright square where the image shows air and a dark one over the heart, which a network may
    take for a finding: over the dark corners of real images it moved the logit by 0.26 (small network) and 1.14
    (EfficientNet-Lite0) of what it moved in the middle, where this cover moved it by 0.25 and 1.05. Less blurred, at a
    sixteenth or an eighth of the side, a cover still shows the haze of a pneumonia: over the middle it moved the logit
    of the small network by 0.17 or 0.32 on average, this one by 0.58, the grey patch by 0.69.

    Args:
        image: Shape (size, size).

    Returns:
        Of the same shape.
    """
    blurred = Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * len(image)))
    return np.asarray(blurred, dtype=np.uint8)


def _mean_of_patches(drops: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each cell the mean over the patches of 2x2 cells that cover it: one in a corner, two at an edge, or four."""
    around = np.pad(drops, 1, constant_values=np.nan)
    four = [around[:-1, :-1], around[:-1, 1:], around[1:, :-1], around[1:, 1:]]
    mean: npt.NDArray[np.float64] = np.nanmean(four, axis=0)
    return mean
