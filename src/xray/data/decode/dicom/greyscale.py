"""Convert stored values to the grey image that a DICOM viewer shows.

Rescale, window and polarity are those of PS3.3 C.11.1, C.11.2 and C.7.6.3.1.2.

An image has at most 2^16 different stored values, so the grey of each is computed once and looked up. Rescale and
windows are pydicom's. Look-up tables are not: its `apply_modality_lut` fails at 9 to 15 bits per entry, and its
`apply_voi_lut` takes wrong entries of tables with 8 bits and of inputs above 65,535.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import GreyImage
from xray.data.decode.dicom.tags import tag_integer, tag_number, tag_text
from xray.data.decode.row_chunks import row_chunks

if TYPE_CHECKING:
    from pydicom import Dataset

StoredValues = npt.NDArray[np.float64]
"""Shape (stored values,)."""

TAILS: Final = 0.001
"""Share of the pixels at either end that an image without a window shows as black or white: dead pixels, markers."""


def to_grey(pixels: npt.NDArray[np.integer], dataset: "Dataset") -> GreyImage:
    """Show stored values as a DICOM viewer does.

    First the Modality LUT or rescale, then the VOI LUT or else the first window or else `window_from_pixels`; then
    MONOCHROME1 is inverted. Padding is black. Presentation LUT Shape is ignored: where it is present it repeats
    MONOCHROME1 or 2 (PS3.3 C.8.11.3.1.2), so applying it too would invert twice.

    Args:
        pixels: Stored values, shape (height, width); those beyond Bits Stored are clipped to it.
        dataset: The image's tags.

    Returns:
        Shape (height, width), dtype uint8, 0 black to 255 white.
    """
    bits, signed = tag_integer(dataset, "BitsStored"), bool(tag_integer(dataset, "PixelRepresentation"))
    lowest = -(2 ** (bits - 1)) if signed else 0
    stored = np.arange(lowest, lowest + 2**bits)
    chunks = list(row_chunks(*pixels.shape))

    def indices(rows: slice) -> npt.NDArray[np.integer]:
        return np.clip(pixels[rows].astype(np.int32) - lowest, 0, len(stored) - 1)

    is_padding = _padding(stored, dataset, signed)
    values = apply_modality(stored, dataset)
    white = apply_voi(values, dataset)
    if white is None and bits == 8 and np.allclose(values - values[0], stored - lowest):
        # Bytes that are neither windowed nor scaled are greys already.
        white = (stored - lowest) / 255
    elif white is None:
        counts = sum(np.bincount(indices(rows).ravel(), minlength=len(stored)) for rows in chunks)
        low, high = window_from_pixels(values, np.where(is_padding, 0, counts))
        white = np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros(len(values))
    if tag_text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        white = 1 - white
    table = np.where(is_padding, 0, np.rint(255 * white)).astype(np.uint8)
    image: GreyImage = np.empty(pixels.shape, np.uint8)
    for rows in chunks:
        image[rows] = table[indices(rows)]
    return image


def apply_modality(stored: npt.NDArray[np.integer], dataset: "Dataset") -> StoredValues:
    """Apply the Modality LUT, or rescale slope and intercept. A slope of 0, which would leave one grey, counts as 1."""
    if (table := _look_up(stored.astype(np.float64), dataset, "ModalityLUTSequence")) is not None:
        return table[0]
    slope, intercept = tag_number(dataset, "RescaleSlope") or 1.0, tag_number(dataset, "RescaleIntercept") or 0.0
    return stored.astype(np.float64) * slope + intercept


def apply_voi(values: StoredValues, dataset: "Dataset") -> StoredValues | None:
    """Apply the VOI LUT, or else the first window.

    A table takes precedence over a window, which only approximates it.

    Returns:
        For each value its share of white, 0 to 1; None if there is neither, or none that is valid.
    """
    from pydicom import Dataset
    from pydicom.pixels.processing import apply_windowing

    if (table := _look_up(values, dataset, "VOILUTSequence")) is not None:
        entries, bits = table
        shares: StoredValues = np.clip(entries / (2**bits - 1), 0, 1)
        return shares
    centre, width = tag_number(dataset, "WindowCenter"), tag_number(dataset, "WindowWidth") or 0.0
    function = tag_text(dataset, "VOILUTFunction")
    if function not in {"LINEAR_EXACT", "SIGMOID"}:
        function = "LINEAR"
    if centre is None or width <= 0 or (function == "LINEAR" and width < 1):
        return None
    window = Dataset()
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = centre, width, function
    # pydicom scales the result to the stored range; one unsigned bit makes it 0 to 1.
    window.PhotometricInterpretation, window.BitsStored, window.PixelRepresentation = "MONOCHROME2", 1, 0
    with np.errstate(over="ignore"):
        white: StoredValues = apply_windowing(values, window)
    return white


def window_from_pixels(values: StoredValues, counts: npt.NDArray[np.integer]) -> tuple[float, float]:
    """Return the values shown as black and as white in an image without a window.

    All but a thousandth of the pixels at each end lie between them. The lowest and the highest value that occur are
    left out first: undeclared padding, the border of shutters and saturated pixels have these values, often in a large
    part of the image and far from all others.

    Args:
        values: For each stored value what the rescale gives, shape (stored values,).
        counts: Number of pixels of each stored value without padding, shape (stored values,).

    Returns:
        The two values; equal if only one value occurs.
    """
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    occurs = counts > 0
    values, counts = values[occurs], counts[occurs]
    if len(values) > 3:
        values, counts = values[1:-1], counts[1:-1]
    if not len(values):
        return 0.0, 0.0
    below = np.cumsum(counts)
    low, high = np.searchsorted(below, [TAILS * below[-1], (1 - TAILS) * below[-1]])
    return float(values[low]), float(values[min(high, len(values) - 1)])


def _padding(stored: npt.NDArray[np.integer], dataset: "Dataset", signed: bool) -> npt.NDArray[np.bool_]:
    """Mark the stored values from Pixel Padding Value to its limit."""
    missing = 2**16
    value = tag_integer(dataset, "PixelPaddingValue", missing)
    if value == missing:
        return np.zeros(len(stored), dtype=bool)
    # Some files give these tags a sign that their pixels lack, or the reverse.
    ends = np.array([value, tag_integer(dataset, "PixelPaddingRangeLimit", value)]).astype(
        np.int16 if signed else np.uint16
    )
    marked: npt.NDArray[np.bool_] = (stored >= ends.min()) & (stored <= ends.max())
    return marked


def _look_up(values: StoredValues, dataset: "Dataset", keyword: str) -> tuple[StoredValues, int] | None:
    """Look values up in the first table of a Modality LUT or VOI LUT sequence (PS3.3 C.11.1.1.1).

    Returns:
        The entries and their number of bits; None if there is no table, or an invalid one.
    """
    items = dataset.get(keyword) or []
    if not items or "LUTDescriptor" not in items[0] or "LUTData" not in items[0]:
        return None
    number_of_entries, first, bits = (int(value) for value in items[0].LUTDescriptor)
    number_of_entries = number_of_entries & 0xFFFF or 2**16
    if first >= 2**15 and values.min() < 0:
        # The descriptor is unsigned although the inputs are signed.
        first -= 2**16
    data = items[0].LUTData
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        # Two entries of 8 bits may share a word.
        data = np.frombuffer(data, np.uint8 if len(data) < 2 * number_of_entries else "<u2" if little else ">u2")
    entries = np.asarray(data, np.float64)
    if not 8 <= bits <= 16 or len(entries) < number_of_entries:
        return None
    return entries[np.clip(np.rint(values) - first, 0, number_of_entries - 1).astype(np.int64)], bits
