"""Which pictures are no chest X-ray, judged by the images around them.

Chest X-rays look alike: at 16x16, eight patterns of brightness explain nine tenths of what varies within an image. A
picture of something else is not made of these patterns. They are learnt from the folder itself, from the nine tenths of
images that they explain best, so that a few strangers do not teach them.

Measured on 5,232 images of 128x128, of which 0.4% were taken for no chest X-ray: of 103 pictures that are none
(photographs in grey, plots, pages of text, noise, gradients, chequers, digits, drawn hands, a slice of a head, blanks)
92% were found while they lay among all the images. Where a tenth of a small folder is such pictures, they teach the
patterns themselves, and about 60% are found. Of images turned upside down 90% were told and of those on a side 97%; no
upright one was called turned.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.ood.features import principal_components, shrink

LEAST_IMAGES: Final = 100
"""Fewer images do not teach what a chest X-ray looks like."""
SIDE: Final = 16
PATTERNS: Final = 8
ROUNDS: Final = 5
TRUSTED: Final = 0.9
"""Share of the images, those explained best, that the patterns are learnt from."""
MOST_TEACHERS: Final = 6000

UNEXPLAINED: Final = 0.55
"""Share of what varies within a picture, left by the patterns, above which it is taken for no chest X-ray."""
TURNED_GAIN: Final = 0.7
"""A turned image is explained better upright: less than this share of what was unexplained is left."""
TURNED_UNEXPLAINED: Final = 0.4
"""And then it must look like a chest X-ray."""
BLANK: Final = 3.0
"""Standard deviation in grey levels up to which there is no picture at all."""


@dataclass(frozen=True)
class Likeness:
    """How much each picture looks like the images around it; every field has shape (images,)."""

    unexplained: npt.NDArray[np.float64]
    """From 0, made of the common patterns, to 1."""
    turned: npt.NDArray[np.int64]
    """Degrees by which the picture seems to be turned, counter-clockwise: 0, 90, 180 or 270."""
    blank: npt.NDArray[np.bool_]

    @property
    def strange(self) -> npt.NDArray[np.bool_]:
        """Taken for no chest X-ray."""
        found: npt.NDArray[np.bool_] = (self.unexplained > UNEXPLAINED) & (self.turned == 0) & ~self.blank
        return found


def judge_likeness(images: Images) -> Likeness | None:
    """Compare each picture with what the images have in common.

    Args:
        images: Shape (images, size, size), dtype uint8.

    Returns:
        None where there are fewer than `LEAST_IMAGES`.
    """
    if len(images) < LEAST_IMAGES:
        return None
    pictures, blank = _standardised(images)
    mean, patterns = _learn(pictures[~blank] if (~blank).sum() >= LEAST_IMAGES else pictures)
    turns = np.stack([_unexplained(np.rot90(pictures, -turn, (1, 2)), mean, patterns) for turn in range(4)])
    turn = np.argmin(turns, axis=0)
    best = turns.min(axis=0)
    turned = (best < TURNED_GAIN * turns[0]) & (best < TURNED_UNEXPLAINED)
    return Likeness(np.where(blank, 1.0, turns[0]), np.where(turned & ~blank, 90 * turn, 0), blank)


def _standardised(images: Images) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Pictures of 16x16 with mean 0 and length 1, and which are blank, in chunks."""
    pictures, blank = np.empty((len(images), SIDE, SIDE)), np.empty(len(images), dtype=bool)
    for start in range(0, len(images), 256):
        chunk = np.asarray(images[start : start + 256])
        blank[start : start + 256] = chunk.std(axis=(1, 2)) <= BLANK
        pictures[start : start + 256] = shrink(chunk, SIDE)
    pictures -= pictures.mean(axis=(1, 2), keepdims=True)
    length = np.linalg.norm(pictures, axis=(1, 2), keepdims=True)
    return pictures / np.maximum(length, SIDE), blank


def _learn(pictures: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and principal components by a trimmed analysis; shapes (256,) and (patterns, 256)."""
    flat = pictures[:: max(1, len(pictures) // MOST_TEACHERS)].reshape(-1, SIDE**2)
    # Begin with the images nearest to the median: one odd image among uniform ones would get a component of its own.
    left = ((flat - np.median(flat, axis=0)) ** 2).sum(axis=1)
    trusted = flat[left <= np.quantile(left, TRUSTED)]
    for _ in range(ROUNDS):
        mean, patterns, _ = principal_components(trusted, PATTERNS)
        left = _unexplained(flat, mean, patterns)
        trusted = flat[left <= np.quantile(left, TRUSTED)]
    return mean, patterns


def _unexplained(
    pictures: npt.NDArray[np.float64], mean: npt.NDArray[np.float64], patterns: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    flat = pictures.reshape(-1, SIDE**2)
    deviations = flat - mean
    left = (deviations**2).sum(axis=1) - ((deviations @ patterns.T) ** 2).sum(axis=1)
    share: npt.NDArray[np.float64] = np.clip(left / np.maximum((flat**2).sum(axis=1), 1e-9), 0, 1)
    return share
