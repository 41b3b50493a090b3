"""Verify that an exported file gives the logits of its checkpoint."""

from collections.abc import Sequence

import numpy as np

from xray.data.arrays import Images
from xray.data.decode.image import read_image, resize_image
from xray.predictor.base import Predictor
from xray.utils.errors import UserError
from xray.utils.files import StrPath

MAX_DIFFERENCE = 1e-4
"""Accepted difference in logit: single-precision sums in another order differ by about 1e-5."""


def verify(checkpoint: Predictor, exported: Predictor, images: Images, files: Sequence[StrPath]) -> float:
    """Return the largest difference between the logits of an exported file and those of its checkpoint.

    Args:
        checkpoint: The checkpoint.
        exported: The exported file.
        images: Images of the network's input size, shape (images, size, size), uint8.
        files: Image files, given to the exported file at their original size, which it resizes itself.

    Raises:
        UserError: The largest difference is above `MAX_DIFFERENCE` or NaN.
    """
    manifest = checkpoint.manifest
    differences = [np.abs(exported.logits(images) - checkpoint.logits(images))]
    for file in files:
        image = read_image(file)
        square = resize_image(image, manifest.image_size, manifest.resize)
        differences.append(np.abs(exported.logits(np.stack([image])) - checkpoint.logits(np.stack([square]))))
    largest = float(np.concatenate(differences).max())
    if not largest <= MAX_DIFFERENCE:
        raise UserError(
            f"The exported {manifest.model} differs from {checkpoint.path} by {largest:.2g} in logit on {len(images)} "
            f"images, where at most {MAX_DIFFERENCE:g} is allowed: it was not kept; try the other --format."
        )
    return largest
