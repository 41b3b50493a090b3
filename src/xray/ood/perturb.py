"""Images as they might have been taken elsewhere: turned, moved, scaled, exposed, blurred or grained otherwise."""

import math
from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

from xray.data.arrays import Images
from xray.data.decode.image import GreyImage

TURN: Final = 6.0
"""Standard deviations, all of them: of the angle in degrees,"""
SHIFT: Final = 0.05
"""of the distance moved along each axis, as a share of the side,"""
SCALE: Final = 0.1
"""of the logarithm of the scale,"""
EXPOSURE: Final = 0.35
"""of the logarithm of the gamma exponent,"""
BLUR: Final = 0.008
"""of the width of the blur, as a share of the side, for a third of the images,"""
GRAIN: Final = 6.0
"""of the strength of white noise in grey levels, for another third."""


def vary(images: Images, seed: int = 0) -> Images:
    """One variation of each image, drawn by its position and the seed alone.

    Args:
        images: Shape (images, size, size), dtype uint8.
        seed: Any number from 0 up.

    Returns:
        New images of the same shape; black comes in where an image is moved away.
    """
    varied = np.empty_like(images)
    for i, image in enumerate(images):
        varied[i] = _varied(image, np.random.default_rng([seed, i]))
    return varied


def _varied(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    size = len(image)
    angle, scale = math.radians(rng.normal(0, TURN)), math.exp(rng.normal(0, SCALE))
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    right, down = size / 2 + size * rng.normal(0, SHIFT, 2)
    place = (cos, sin, size / 2 - cos * right - sin * down, -sin, cos, size / 2 + sin * right - cos * down)
    moved = Image.fromarray(image).transform(
        (size, size), Image.Transform.AFFINE, place, resample=Image.Resampling.BICUBIC
    )
    curve = 255 * np.linspace(0, 1, 256) ** math.exp(rng.normal(0, EXPOSURE))
    greys = curve[np.asarray(moved)]
    kind = rng.integers(3)
    if kind == 0:
        greys = ndimage.gaussian_filter(greys, abs(rng.normal(0, BLUR)) * size)
    elif kind == 1:
        greys += abs(rng.normal(0, GRAIN)) * rng.standard_normal(greys.shape)
    varied: GreyImage = np.clip(np.rint(greys), 0, 255).astype(np.uint8)
    return varied
