"""Verify that an exported file gives the logits of its checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xray.data.arrays import Images
from xray.data.decode.image import read_image, resize_image
from xray.predictor.base import Predictor
from xray.utils.errors import UserError
from xray.utils.files import StrPath

MAX_DIFFERENCE = 1e-4
"""Accepted difference in logit: single-precision sums in another order differ by about 1e-5."""


@dataclass(frozen=True)
class Verification:
    """Result of comparing an exported file with its checkpoint.

    Args:
        images: Number of images compared at the size of the network's input.
        raw: Number of images compared at their original size, which the file resizes itself.
        difference: Largest difference in logit.
    """

    images: int
    raw: int
    difference: float


def verify(checkpoint: Predictor, exported: Predictor, images: Images, files: Sequence[StrPath]) -> Verification:
    """Compare the logits of an exported file with those of its checkpoint.

    Args:
        checkpoint: The checkpoint.
        exported: The exported file.
        images: Images of the network's input size, shape (images, size, size), uint8.
        files: Image files, given to the exported file at their original size.

    Raises:
        UserError: The largest difference is above `MAX_DIFFERENCE` or NaN.
    """
    manifest = checkpoint.manifest
    differences = [np.abs(exported.logits(images) - checkpoint.logits(images))]
    for file in files:
        image = read_image(file)
        square = resize_image(image, manifest.image_size, manifest.resize)
        differences.append(np.abs(exported.logits(np.stack([image])) - checkpoint.logits(np.stack([square]))))
    result = Verification(len(images), len(files), float(np.concatenate(differences).max()))
    if not result.difference <= MAX_DIFFERENCE:
        raise UserError(
            f"The exported {manifest.model} differs from {checkpoint.path} by {result.difference:.2g} in logit on "
            f"{result.images} images, where at most {MAX_DIFFERENCE:g} is allowed: it was not kept; try the other "
            "--format."
        )
    return result
