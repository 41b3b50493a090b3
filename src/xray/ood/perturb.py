"""Perturb images as if taken elsewhere: rotation, shift, scale, exposure, blur, noise."""

import math
from typing import Final

import numpy as np
from PIL import Image
from scipy import ndimage

from xray.data.arrays import GreyImage, Images

ROTATION: Final = 6.0
"""Standard deviation of the angle, in degrees."""
SHIFT: Final = 0.05
"""Standard deviation of the shift along each axis, as a fraction of the side."""
SCALE: Final = 0.1
"""Standard deviation of the logarithm of the scale."""
EXPOSURE: Final = 0.35
"""Standard deviation of the logarithm of the gamma exponent."""
BLUR: Final = 0.008
"""Standard deviation of the width of the blur, as a fraction of the side; a third of the images are blurred."""
NOISE: Final = 6.0
"""Standard deviation of the strength of white noise, in grey levels; another third of the images get noise."""


def perturb(images: Images, seed: int = 0) -> Images:
    """Return one perturbed copy of each image, which depends on its position and the seed alone.

    Areas from outside the original image are black.
    """
    perturbed = np.empty_like(images)
    for i, image in enumerate(images):
        perturbed[i] = _perturbed(image, np.random.default_rng([seed, i]))
    return perturbed


def _perturbed(image: GreyImage, rng: np.random.Generator) -> GreyImage:
    size = len(image)
    angle, scale = math.radians(rng.normal(0, ROTATION)), math.exp(rng.normal(0, SCALE))
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    right, down = size / 2 + size * rng.normal(0, SHIFT, 2)
    matrix = (cos, sin, size / 2 - cos * right - sin * down, -sin, cos, size / 2 + sin * right - cos * down)
    moved = Image.fromarray(image).transform(
        (size, size), Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC
    )
    curve = 255 * np.linspace(0, 1, 256) ** math.exp(rng.normal(0, EXPOSURE))
    greys = curve[np.asarray(moved)]
    kind = rng.integers(3)
    if kind == 0:
        greys = ndimage.gaussian_filter(greys, abs(rng.normal(0, BLUR)) * size)
    elif kind == 1:
        greys += abs(rng.normal(0, NOISE)) * rng.standard_normal(greys.shape)
    perturbed: GreyImage = np.clip(np.rint(greys), 0, 255).astype(np.uint8)
    return perturbed
