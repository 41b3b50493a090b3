"""Check for images whose intensity or sharpness differs much from the others."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.audit.finding import Case, Finding
from xray.audit.scan import FolderScan
from xray.data.intensity import STATISTICS
from xray.utils.text import count

MAX_Z: Final = 4.0
"""Robust z above which an image is reported: 0.2% of 5,232 real images, 0.4% of 250 full-size ones and 83% of 103 other
images (see `xray.audit.appearance`)."""
MIN_IMAGES: Final = 50
MAX_CASES: Final = 20
"""Images listed; the title gives the total."""


def check_intensities(scan: FolderScan) -> Iterator[Finding]:
    """Report the images that are furthest from the others in any statistic of intensity or sharpness."""
    if len(scan.rows) < MIN_IMAGES:
        yield Finding(
            "intensity-not-checked",
            "note",
            f"Unusual intensities were not checked: this needs {MIN_IMAGES} images, and {len(scan.rows)} can be read.",
            "What is usual is learned from the folder itself.",
            "Look at the images by eye.",
        )
        return
    z = robust_z(scan.statistics)
    furthest = np.argmax(np.abs(z), axis=1)
    distance = np.abs(z).max(axis=1)
    outliers = np.flatnonzero(distance > MAX_Z)
    if not len(outliers):
        return
    worst = outliers[np.argsort(-distance[outliers], kind="stable")][:MAX_CASES]
    listed = "" if len(outliers) <= MAX_CASES else f"; the {MAX_CASES} furthest are listed"
    yield Finding(
        "intensity-outliers",
        "warning",
        f"{count(len(outliers), 'image')} of {len(scan.images):,} {'is' if len(outliers) == 1 else 'are'} far "
        f"brighter, darker, flatter or sharper than the others{listed}.",
        "Such an image may be badly exposed, inverted or not an X-ray.",
        "Look at them; real X-rays may stay.",
        tuple(
            Case(
                (scan.images[i].path,),
                f"{STATISTICS[furthest[i]].replace('_', ' ')} {scan.statistics[i, furthest[i]]:.4g}, "
                f"{distance[i]:.1f} robust deviations {'above' if z[i, furthest[i]] > 0 else 'below'} the median",
            )
            for i in worst
        ),
    )


def robust_z(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the distance from the median in robust standard deviations, separately above and below it.

    Several statistics are skewed, so each half has its own spread: its median absolute deviation (Rosenmai,
    Using the Median Absolute Deviation to Find Outliers, 2013), or its 90th percentile if that is larger, both
    scaled to the standard deviation of normal values. Outliers change little if they are under a tenth of a half.

    Args:
        values: Shape (images, statistics).

    Returns:
        Same shape; 0 in a half without spread.
    """
    deviations = values - np.median(values, axis=0)
    z = np.zeros_like(deviations)
    for half in (deviations >= 0, deviations <= 0):
        middle, high = np.nanquantile(np.where(half, np.abs(deviations), np.nan), [0.5, 0.9], axis=0)
        spread = np.maximum(1.4826 * middle, high / 1.645)
        np.divide(deviations, spread, out=z, where=half & (spread > 1e-9))
    return z
