"""Stored values of a DICOM image, from native or compressed pixels.

Each transfer syntax has one decoder, chosen because no damaged image has ended or held up its process; pydicom left to
itself would take whichever it finds installed. A picture's own header is compared with the tags before it is decoded:
decoders believe it, and make room for any size.
"""

from io import BytesIO
from itertools import islice, pairwise
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from xray.data.decode.dicom.header import DicomHeader, quietly, read_tags
from xray.data.decode.dicom.jpeg_lossless import decode_lossless
from xray.data.decode.dicom.limits import MOST_FRAGMENTS
from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.jpeg_limits import size_of_jpeg, size_of_jpeg_2000
from xray.data.decode.limits import EndlessFileError
from xray.data.decode.pillow import open_picture

if TYPE_CHECKING:
    from pydicom import Dataset

Stored = npt.NDArray[np.integer]

NATIVE: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
JPEG: Final = {"1.2.840.10008.1.2.4.50": "pillow", "1.2.840.10008.1.2.4.51": "pillow"}
JPEG_LOSSLESS: Final = frozenset({"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"})
JPEG_LS: Final = {"1.2.840.10008.1.2.4.80": "pyjpegls", "1.2.840.10008.1.2.4.81": "pyjpegls"}
JPEG_2000: Final = {"1.2.840.10008.1.2.4.90": "pillow", "1.2.840.10008.1.2.4.91": "pillow"}
RLE: Final = {"1.2.840.10008.1.2.5": "pydicom"}
PLUGINS: Final = JPEG | JPEG_LS | JPEG_2000 | RLE
"""Name of pydicom's plugin for each transfer syntax that it decodes here."""

MOST_IDLE: Final = 10_000
"""Bytes of an RLE segment that mean nothing, which hardly any encoder writes."""
DAMAGED: Final = "its pixels are damaged or cut off"


def read_stored(file: IO[bytes], header: DicomHeader) -> Stored:
    """Decode an open DICOM file whose header was accepted.

    Returns:
        Stored values, shape (rows, columns), as Pixel Representation and Bits Stored have them.

    Raises:
        UnreadableImageError: There are no pixels, they are damaged, or of a transfer syntax that is not read.
    """
    _check_syntax(header)
    needed = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "BitsAllocated")
    dataset = read_tags(file, (*needed, "BitsStored", "HighBit", "PixelRepresentation"), pixels=True)
    if "PixelData" not in dataset:
        raise UnreadableImageError("it has no pixels")
    return quietly(lambda: _decode(dataset, header), DAMAGED)


def _check_syntax(header: DicomHeader) -> None:
    if header.syntax == "1.2.840.10008.1.2.4.51" and header.bits_stored > 8:
        raise UnreadableImageError("its transfer syntax JPEG Extended is read with 8 bits only, and it has more")
    if header.syntax not in NATIVE | JPEG_LOSSLESS | PLUGINS.keys():
        from pydicom._uid_dict import UID_dictionary

        known = UID_dictionary.get(header.syntax)
        told = f"{known[0]} is not read" if known else "is missing, or none of the standard's"
        raise UnreadableImageError(f"its transfer syntax {told}")


def _decode(dataset: "Dataset", header: DicomHeader) -> Stored:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    shape = header.rows, header.columns
    if header.syntax in NATIVE:
        pixels: Stored = get_decoder(header.syntax).as_array(dataset, raw=True)[0]
        return pixels.reshape(shape)
    frame = _joined(dataset.PixelData)
    if header.syntax in JPEG_LOSSLESS:
        stored = decode_lossless(frame, *shape)
    else:
        _check_frame(frame, header)
        dataset.PixelData = encapsulate([frame], has_bot=False)
        stored = get_decoder(header.syntax).as_array(dataset, raw=True, decoding_plugin=PLUGINS[header.syntax])[0]
    return _with_sign(stored.reshape(shape), header)


def _joined(encapsulated: bytes) -> bytes:
    """The one frame of an image: all fragments after the table of offsets (PS3.5 A.4).

    Raises:
        EndlessFileError: There are too many.
        ValueError: There is none.
    """
    from pydicom.encaps import generate_fragments

    _, *fragments = islice(generate_fragments(encapsulated), MOST_FRAGMENTS + 2)
    if len(fragments) > MOST_FRAGMENTS:
        raise EndlessFileError
    if not fragments:
        raise ValueError("no fragment")
    return b"".join(fragments)


def _with_sign(stored: Stored, header: DicomHeader) -> Stored:
    """The low Bits Stored of each value, as a number with a sign where the image has such."""
    unused = 16 - header.bits_stored
    bits = stored.astype(np.uint16)
    bits <<= unused
    values: Stored = bits.view(np.int16) if header.signed else bits
    values >>= unused
    return values


def _check_frame(frame: bytes, header: DicomHeader) -> None:
    """Compare what a compressed picture says of itself with its tags.

    Raises:
        EndlessFileError: It asks for more work than any image.
        ValueError: They differ.
    """
    if header.syntax in RLE:
        _check_runs(frame, header.rows * header.columns, header.bits_allocated // 8)
        return
    told = size_of_jpeg_2000(frame) if header.syntax in JPEG_2000 else size_of_jpeg(frame)
    if told != (header.rows, header.columns, 1):
        raise ValueError("another size than told")
    if header.syntax not in JPEG_LS:
        # As pydicom will, but within bounds.
        with open_picture(BytesIO(frame), header.rows * header.columns, ("JPEG", "JPEG2000")):
            return
    if not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        # Its decoder spends ten seconds on a stream without an end.
        raise ValueError("cut off")


def _check_runs(frame: bytes, pixels: int, segments: int) -> None:
    """Add up what the runs of an RLE picture say, which grow to 64 times their size (PS3.5 annex G).

    Raises:
        ValueError: There are not as many segments as bytes of a pixel, they overlap, or one holds more than one byte of
            each pixel, and what may fill it up to an even length; or bytes that mean nothing beyond all measure.
    """
    count, *starts = np.frombuffer(frame[:64], "<u4").tolist()
    bounds = [*starts[:count], len(frame)]
    if count != segments or sorted(bounds) != bounds:
        raise ValueError("other segments than told")
    for place, end in pairwise(bounds):
        held = idle = 0
        while place < end and held <= pixels + 1 and idle <= MOST_IDLE:
            byte = frame[place]
            if byte == 128:
                idle += 1
                place += 1
                continue
            held += byte + 1 if byte < 128 else 257 - byte
            place += byte + 2 if byte < 128 else 2
        if held > pixels + 1 or idle > MOST_IDLE:
            raise ValueError("more bytes than pixels")
