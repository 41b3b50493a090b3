"""An exported file must answer as its checkpoint does, on real images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xray.data.arrays import Images
from xray.data.decode.image import read_image, resize_image
from xray.predictor.base import Predictor
from xray.utils.errors import UserError
from xray.utils.files import StrPath

LARGEST_DIFFERENCE = 1e-4
"""In logit, between single precision here and there: sums in another order differ by some 1e-5."""


@dataclass(frozen=True)
class Verification:
    """How far an exported file is from its checkpoint.

    Args:
        images: Images compared as the network sees them.
        raw: Images compared from their pixels as stored, which the file resizes itself.
        difference: Largest difference in logit, of both.
    """

    images: int
    raw: int
    difference: float


def verify(checkpoint: Predictor, exported: Predictor, images: Images, files: Sequence[StrPath]) -> Verification:
    """Compare the logits of an exported file with those of its checkpoint.

    Args:
        checkpoint: What it was exported from.
        exported: The file.
        images: As the network sees them, shape (images, size, size).
        files: Files to be read in full and resized by the exported file.

    Returns:
        With the largest difference.

    Raises:
        UserError: It is above `LARGEST_DIFFERENCE`, or no number.
    """
    manifest = checkpoint.manifest
    differences = [np.abs(exported.logits(images) - checkpoint.logits(images))]
    for file in files:
        image = read_image(file)
        square = resize_image(image, manifest.image_size, manifest.resize)
        differences.append(np.abs(exported.logits(np.stack([image])) - checkpoint.logits(np.stack([square]))))
    found = Verification(len(images), len(files), float(np.concatenate(differences).max()))
    if not found.difference <= LARGEST_DIFFERENCE:
        raise UserError(
            f"The exported {manifest.model} differs from {checkpoint.path} by {found.difference:.2g} in logit on "
            f"{found.images} images, where at most {LARGEST_DIFFERENCE:g} is allowed: it was not kept; try the other "
            "--format."
        )
    return found
