"""Detect images that do not look like the others: not chest X-rays, rotated or blank.

Chest X-rays look alike: at 16x16, eight principal components explain nine tenths of the variance within an image, but
little of another image. The components are fitted on the folder itself, on the nine tenths of its images that they
explain best, so that a few other images do not influence them.

docs/audit.md gives the shares of other and of rotated images that were detected.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.ood.features import principal_components, shrink

MIN_IMAGES: Final = 100
"""Fewer images are too few to fit the components."""
SIDE: Final = 16
COMPONENTS: Final = 8
ITERATIONS: Final = 5
TRUSTED_SHARE: Final = 0.9
"""Share of the images, those explained best, that the components are fitted on."""
MAX_FITTED_IMAGES: Final = 6000

MAX_UNEXPLAINED: Final = 0.55
"""Unexplained share of an image's variance above which it is reported as not a chest X-ray."""
MAX_ROTATION_RATIO: Final = 0.7
"""A rotated image is explained better upright: its unexplained share falls below this ratio of the original one."""
MAX_ROTATED_UNEXPLAINED: Final = 0.4
"""Unexplained share up to which the image, once upright, looks like a chest X-ray."""
MAX_BLANK_STD: Final = 3.0
"""Standard deviation in grey levels up to which an image is blank."""


@dataclass(frozen=True)
class Appearance:
    """How much each image looks like the others; every field has shape (images,)."""

    unexplained: npt.NDArray[np.float64]
    """Share of the variance that the components do not explain, from 0 to 1."""
    rotation: npt.NDArray[np.int64]
    """Estimated rotation in degrees, counter-clockwise: 0, 90, 180 or 270."""
    blank: npt.NDArray[np.bool_]

    @property
    def unusual(self) -> npt.NDArray[np.bool_]:
        """Whether each image is probably not a chest X-ray."""
        unusual: npt.NDArray[np.bool_] = (self.unexplained > MAX_UNEXPLAINED) & (self.rotation == 0) & ~self.blank
        return unusual


def check_appearance(images: Images) -> Appearance | None:
    """Compare each image with the principal components of all.

    Args:
        images: Shape (images, size, size), dtype uint8.

    Returns:
        None if there are fewer than `MIN_IMAGES`.
    """
    if len(images) < MIN_IMAGES:
        return None
    small, blank = _standardised(images)
    mean, components = _fit_components(small[~blank] if (~blank).sum() >= MIN_IMAGES else small)
    by_turn = np.stack([_unexplained(np.rot90(small, -turns, (1, 2)), mean, components) for turns in range(4)])
    turns = np.argmin(by_turn, axis=0)
    best = by_turn.min(axis=0)
    rotated = (best < MAX_ROTATION_RATIO * by_turn[0]) & (best < MAX_ROTATED_UNEXPLAINED)
    return Appearance(np.where(blank, 1.0, by_turn[0]), np.where(rotated & ~blank, 90 * turns, 0), blank)


def _standardised(images: Images) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the images shrunk to 16x16 with mean 0 and norm 1, and which are blank; works in chunks."""
    small, blank = np.empty((len(images), SIDE, SIDE)), np.empty(len(images), dtype=bool)
    for start in range(0, len(images), 256):
        chunk = np.asarray(images[start : start + 256])
        blank[start : start + 256] = chunk.std(axis=(1, 2)) <= MAX_BLANK_STD
        small[start : start + 256] = shrink(chunk, SIDE)
    small -= small.mean(axis=(1, 2), keepdims=True)
    norm = np.linalg.norm(small, axis=(1, 2), keepdims=True)
    return small / np.maximum(norm, SIDE), blank


def _fit_components(images: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and principal components of the best explained images; shapes (256,) and (components, 256)."""
    flat = images[:: max(1, len(images) // MAX_FITTED_IMAGES)].reshape(-1, SIDE**2)
    # Start with the images nearest to the median: one odd image among uniform ones would get its own component.
    residual = ((flat - np.median(flat, axis=0)) ** 2).sum(axis=1)
    trusted = flat[residual <= np.quantile(residual, TRUSTED_SHARE)]
    for _ in range(ITERATIONS):
        mean, components, _ = principal_components(trusted, COMPONENTS)
        residual = _unexplained(flat, mean, components)
        trusted = flat[residual <= np.quantile(residual, TRUSTED_SHARE)]
    return mean, components


def _unexplained(
    images: npt.NDArray[np.float64], mean: npt.NDArray[np.float64], components: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    flat = images.reshape(-1, SIDE**2)
    deviations = flat - mean
    residual = (deviations**2).sum(axis=1) - ((deviations @ components.T) ** 2).sum(axis=1)
    share: npt.NDArray[np.float64] = np.clip(residual / np.maximum((flat**2).sum(axis=1), 1e-9), 0, 1)
    return share
