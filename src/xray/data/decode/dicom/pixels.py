"""Decode the stored values of a DICOM image.

Each transfer syntax has a fixed decoder. By default pydicom uses any installed plugin, and some of them crash on
damaged files. So do functions of imagecodecs (2026.3): `jpegsof3_decode`, `ljpeg_decode`, to which `jpeg_decode` falls
back, and `dicomrle_decode`.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from xray.data.decode.dicom.tags import tag_integer, uid_name
from xray.data.decode.errors import UnreadableImageError

if TYPE_CHECKING:
    from pydicom import Dataset

Stored = npt.NDArray[np.integer]

PIXEL_TAGS: Final = (
    *("SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
)
"""Tags that decoding needs."""
PIXELS_DAMAGED: Final = "its pixels are damaged or cut off"

NATIVE: Final = frozenset({f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")})
RLE: Final = "1.2.840.10008.1.2.5"
JPEG: Final = frozenset({f"1.2.840.10008.1.2.4.{end}" for end in ("50", "51", "57", "70")})
"""Baseline, extended, and the two of lossless JPEG."""
JPEG_LS: Final = frozenset({f"1.2.840.10008.1.2.4.{end}" for end in ("80", "81")})
JPEG_2000: Final = frozenset({f"1.2.840.10008.1.2.4.{end}" for end in ("90", "91", "201", "202", "203")})
"""With the three of high-throughput JPEG 2000."""


def decode_stored_values(dataset: "Dataset") -> Stored:
    """Decode the pixels of a dataset whose tags have been accepted.

    Args:
        dataset: The `PIXEL_TAGS`.

    Returns:
        Stored values, shape (rows, columns), in the range that Bits Stored and Pixel Representation give. Native values
        may lie beyond it.

    Raises:
        UnreadableImageError: There are no pixels, of another size than the tags say, or of an unsupported transfer
            syntax.
        Exception: They are damaged.
    """
    from pydicom.pixels.decoders.base import get_decoder

    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if syntax not in NATIVE | {RLE} | JPEG | JPEG_LS | JPEG_2000:
        raise UnreadableImageError(f"its Transfer Syntax is {uid_name(syntax)}, which is not supported")
    if "PixelData" not in dataset:
        raise UnreadableImageError("it has no pixels")
    if syntax in NATIVE:
        values: Stored = get_decoder(syntax).as_array(dataset, raw=True)[0]
        return values
    if syntax == RLE:
        values = get_decoder(syntax).as_array(dataset, raw=True, decoding_plugin="pydicom")[0]
    else:
        values = _decode(dataset, syntax)
    if values.shape != (dataset.Rows, dataset.Columns):
        raise UnreadableImageError("its pixels are of another size than its Rows and Columns say")
    # Decoders ignore Bits Stored and Pixel Representation: keep the low bits, and extend their sign.
    unused = 16 - tag_integer(dataset, "BitsStored")
    bits = values.astype(np.uint16) << unused
    return (bits.view(np.int16) if tag_integer(dataset, "PixelRepresentation") else bits) >> unused


def _decode(dataset: "Dataset", syntax: str) -> Stored:
    import imagecodecs
    from pydicom.encaps import generate_fragments

    # All fragments after the offset table belong to the one frame (PS3.5 A.4).
    frame = b"".join(list(generate_fragments(dataset.PixelData))[1:])
    if not frame.rstrip(b"\0\xff").endswith(b"\xff\xd9"):
        # Cut off: libjpeg would fill in what is missing, and the decoder of JPEG-LS takes seconds to notice.
        raise UnreadableImageError(PIXELS_DAMAGED)
    if syntax in JPEG:
        return imagecodecs.jpeg8_decode(frame)
    if syntax in JPEG_2000:
        return imagecodecs.jpeg2k_decode(frame)
    # With an output array it checks the size first; otherwise a small stream that claims to be large takes minutes.
    kind = np.uint16 if tag_integer(dataset, "BitsStored") > 8 else np.uint8
    return imagecodecs.jpegls_decode(frame, out=np.empty((dataset.Rows, dataset.Columns), kind))
