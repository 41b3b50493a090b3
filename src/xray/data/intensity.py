"""Brightness and sharpness statistics of images, independent of anatomy."""

from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images, ImageValues

STATISTICS: Final = (
    "mean",
    "standard_deviation",
    "percentile_5",
    "median",
    "percentile_99",
    "black_share",
    "gradient",
    "sharpness",
)
"""Names of the columns of `grey_statistics`."""

BLACK: Final = 5
"""Brightest grey level that counts as black: the background around the body, with some JPEG noise."""

CHUNK: Final = 2**22
"""Pixels processed at a time."""


def grey_statistics(images: Images) -> ImageValues:
    """Return eight statistics of each image.

    - mean, standard_deviation: over all pixels, in grey levels from 0 to 255;
    - percentile_5, median, percentile_99: lowest grey level that at least this share of the pixels does not exceed;
    - black_share: share of pixels of at most `BLACK`, from 0 to 1;
    - gradient: mean length of the gradient by central differences, in grey levels per pixel;
    - sharpness: standard deviation of the discrete Laplacian of four neighbours, in grey levels, after Pech-Pacheco
      et al., Diatom Autofocusing in Brightfield Microscopy, ICPR 2000.

    Args:
        images: Shape (images, size, size), dtype uint8, with a size of at least 3.

    Returns:
        Shape (images, 8), float64, in the order of `STATISTICS`.
    """
    step = max(1, CHUNK // max(1, images[:1].size))
    chunks = [_statistics(np.asarray(images[start : start + step])) for start in range(0, len(images), step)]
    return np.concatenate([np.empty((0, len(STATISTICS))), *chunks])


def _statistics(images: Images) -> ImageValues:
    counts, pixels = _histograms(images), images[0].size
    levels = np.arange(256)
    # In integers, so that an image's values depend neither on rounding nor on the other images in the chunk.
    total, squares = counts @ levels, counts @ levels**2
    deviation = np.sqrt(pixels * squares - total**2) / pixels
    darker = np.cumsum(counts, axis=1)
    percentiles = [np.argmax(100 * darker >= percent * pixels, axis=1) for percent in (5, 50, 99)]
    gradient, sharpness = _edges(images)
    columns = [total / pixels, deviation, *percentiles, darker[:, BLACK] / pixels, gradient, sharpness]
    return np.stack(columns, axis=1).astype(np.float64)


def _histograms(images: Images) -> npt.NDArray[np.int64]:
    """Return the number of pixels at each grey level, shape (images, 256)."""
    offsets = 256 * np.arange(len(images))[:, None, None]
    return np.bincount((images + offsets).ravel(), minlength=256 * len(images)).reshape(-1, 256)


def _edges(images: Images) -> tuple[ImageValues, ImageValues]:
    """Return mean gradient and standard deviation of the Laplacian, over the pixels that have four neighbours."""
    pixels = images.astype(np.float32)
    up, down = pixels[:, :-2, 1:-1], pixels[:, 2:, 1:-1]
    left, right = pixels[:, 1:-1, :-2], pixels[:, 1:-1, 2:]
    gradient = np.hypot(down - up, right - left) / 2
    laplacian = up + down + left + right - 4 * pixels[:, 1:-1, 1:-1]
    return gradient.mean(axis=(1, 2), dtype=np.float64), laplacian.std(axis=(1, 2), dtype=np.float64)
