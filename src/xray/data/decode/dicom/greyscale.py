"""From stored DICOM values to greys: rescale, window, polarity (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

An image has at most 2^16 different values, so the grey of each is worked out once, in double precision, and looked up.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.decode.dicom.header import DicomHeader, LookUpTable
from xray.data.decode.errors import GreyImage
from xray.data.decode.row_chunks import strips

Values = npt.NDArray[np.float64]

TAILS: Final = 0.001
"""Share of the pixels at either end that an image without a window shows as black or white: dead pixels and markers."""


def to_grey(pixels: npt.NDArray[np.integer], header: DicomHeader) -> GreyImage:
    """Show stored values as a viewer does.

    First the Modality LUT or rescale, then the VOI LUT or else the first window, or else `natural_window`; MONOCHROME1
    is inverted after that. Padding is black. Presentation LUT Shape is not used: in the images that have it, it repeats
    what MONOCHROME1 or 2 says (PS3.3 C.8.11.3.1.2), and applied as well would invert twice.

    Args:
        pixels: Stored values, shape (height, width), within the range of Bits Stored.
        header: The image's tags.

    Returns:
        Shape (height, width), dtype uint8, 0 black to 255 white.
    """
    lowest = -(2 ** (header.bits_stored - 1)) if header.signed else 0
    stored = np.arange(lowest, lowest + 2**header.bits_stored)
    parts = list(strips(*pixels.shape))
    padded = np.zeros(len(stored), dtype=bool)
    if header.padding is not None:
        padded = (stored >= header.padding[0]) & (stored <= header.padding[1])

    def places(rows: slice) -> npt.NDArray[np.integer]:
        return np.clip(pixels[rows].astype(np.int32) - lowest, 0, len(stored) - 1)

    values = modality(stored, header)
    shares = voi(values, header)
    if shares is None:
        counts = np.zeros(len(stored), dtype=np.int64)
        for rows in parts:
            counts += np.bincount(places(rows).ravel(), minlength=len(stored))
        counts[padded] = 0
        is_byte = header.bits_stored == 8 and header.modality_table is None and header.slope == 1
        # Bytes without a window are greys already.
        low, high = (lowest, lowest + 255) if is_byte else natural_window(values, counts)
        if is_byte:
            values = stored.astype(np.float64)
        shares = _clipped((values - low) / (high - low)) if high > low else np.zeros(len(values))
    if header.photometric == "MONOCHROME1":
        shares = 1 - shares
    table = np.rint(255 * shares).astype(np.uint8)
    table[padded] = 0
    image: GreyImage = np.empty(pixels.shape, np.uint8)
    for rows in parts:
        image[rows] = table[places(rows)]
    return image


def modality(stored: npt.NDArray[np.integer], header: DicomHeader) -> Values:
    """Modality LUT, or slope and intercept."""
    if header.modality_table is not None:
        return _look_up(stored.astype(np.float64), header.modality_table)
    return stored.astype(np.float64) * header.slope + header.intercept


def voi(values: Values, header: DicomHeader) -> Values | None:
    """VOI LUT, or the first window: for each value its share of white, 0 to 1; None where there is neither.

    With both, the table: it is how the maker of the image shaped its greys, and the window an approximation of it.
    """
    if header.voi_table is not None:
        return _clipped(_look_up(values, header.voi_table) / (2**header.voi_table.bits - 1))
    if header.window is None:
        return None
    centre, width = header.window
    if header.window_function == "SIGMOID":
        # Bounded, so that far ends do not overflow.
        curve: Values = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
        return curve
    if header.window_function == "LINEAR_EXACT":
        return _clipped((values - centre) / width + 0.5)
    if width < 1:
        return None
    if width == 1:
        return np.where(values > centre - 0.5, 1.0, 0.0)
    return _clipped((values - (centre - 0.5)) / (width - 1) + 0.5)


def natural_window(values: Values, counts: npt.NDArray[np.integer]) -> tuple[float, float]:
    """What is shown from black to white where an image does not say it: all but a thousandth of its pixels at each end.

    The lowest and the highest value that occur are left out first: undeclared padding, the shutters' border and
    saturated pixels lie there, often in a large part of the image and far from all others.

    Args:
        values: Of each stored value, after the rescale.
        counts: Pixels of each stored value, without padding.

    Returns:
        Values of black and of white; equal where only one value occurs.
    """
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    there = counts > 0
    values, counts = values[there], counts[there]
    if len(values) > 3:
        values, counts = values[1:-1], counts[1:-1]
    if not len(values):
        return 0.0, 0.0
    below = np.cumsum(counts)
    low, high = np.searchsorted(below, [TAILS * below[-1], (1 - TAILS) * below[-1]])
    return float(values[low]), float(values[min(high, len(values) - 1)])


def _look_up(values: Values, table: LookUpTable) -> Values:
    places = np.clip(np.rint(values) - table.first, 0, len(table.entries) - 1).astype(np.int64)
    found: Values = table.entries[places].astype(np.float64)
    return found


def _clipped(values: Values) -> Values:
    shares: Values = np.clip(values, 0, 1)
    return shares
