"""Stored values of a DICOM film, from native or compressed pixels.

Each transfer syntax has one decoder, chosen because no damaged film has ended or held up its process; pydicom left to
itself would take whichever it finds installed. A picture's own header is compared with the tags before it is decoded:
decoders believe it, and make room for any size.
"""

from typing import IO, TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from xray.data.dicom_header import DicomHeader, quietly, read_tags
from xray.data.jpeg_lossless import decode_lossless
from xray.data.unreadable import UnreadableFilmError

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

DAMAGED: Final = "its pixels are damaged or cut off"


def read_stored(file: IO[bytes], header: DicomHeader) -> Stored:
    """Decode an open DICOM file whose header was accepted.

    Returns:
        Stored values, shape (rows, columns), as Pixel Representation and Bits Stored have them.

    Raises:
        UnreadableFilmError: There are no pixels, they are damaged, or of a transfer syntax that is not read.
    """
    _check_syntax(header)
    needed = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "BitsAllocated")
    dataset = read_tags(file, (*needed, "BitsStored", "HighBit", "PixelRepresentation"), pixels=True)
    if "PixelData" not in dataset:
        raise UnreadableFilmError("it has no pixels")
    return quietly(lambda: _decode(dataset, header), DAMAGED)


def _check_syntax(header: DicomHeader) -> None:
    if header.syntax == "1.2.840.10008.1.2.4.51" and header.bits_stored > 8:
        raise UnreadableFilmError("its transfer syntax JPEG Extended is read with 8 bits only, and it has more")
    if header.syntax not in NATIVE | JPEG_LOSSLESS | PLUGINS.keys():
        from pydicom._uid_dict import UID_dictionary

        known = UID_dictionary.get(header.syntax)
        told = f"{known[0]} is not read" if known else "is missing, or none of the standard's"
        raise UnreadableFilmError(f"its transfer syntax {told}")


def _decode(dataset: "Dataset", header: DicomHeader) -> Stored:
    from pydicom.encaps import generate_frames
    from pydicom.pixels.decoders.base import get_decoder

    shape = header.rows, header.columns
    if header.syntax in NATIVE:
        pixels: Stored = get_decoder(header.syntax).as_array(dataset, raw=True)[0]
        return pixels.reshape(shape)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    if header.syntax in JPEG_LOSSLESS:
        stored = decode_lossless(frame, *shape)
    else:
        _check_frame(frame, header)
        stored = get_decoder(header.syntax).as_array(dataset, raw=True, decoding_plugin=PLUGINS[header.syntax])[0]
    return _with_sign(stored.reshape(shape), header)


def _with_sign(stored: Stored, header: DicomHeader) -> Stored:
    """The low Bits Stored of each value, as a number with a sign where the film has such."""
    unused = 16 - header.bits_stored
    bits = stored.astype(np.uint16)
    bits <<= unused
    values: Stored = bits.view(np.int16) if header.signed else bits
    values >>= unused
    return values


def _check_frame(frame: bytes, header: DicomHeader) -> None:
    """Compare what a compressed picture says of itself with its tags.

    Raises:
        ValueError: They differ.
    """
    if header.syntax in RLE:
        _check_runs(frame, header.rows * header.columns)
        return
    told = _size_of_codestream(frame) if header.syntax in JPEG_2000 else _size_of_jpeg(frame)
    if told != (header.rows, header.columns, 1):
        raise ValueError("another size than told")
    if header.syntax in JPEG_LS and not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        # Its decoder spends ten seconds on a stream without an end.
        raise ValueError("cut off")


def _check_runs(frame: bytes, pixels: int) -> None:
    """Add up what the runs of an RLE picture say, which grow to 64 times their size (PS3.5 annex G).

    Raises:
        ValueError: A segment holds more than one byte of each pixel, and what may fill it up to an even length.
    """
    count, *starts = np.frombuffer(frame[:64], "<u4").tolist()
    ends = [*starts[1:count], len(frame)]
    for place, end in zip(starts[:count], ends, strict=True):
        held = 0
        while place < end and held <= pixels + 1:
            byte = frame[place]
            held += byte + 1 if byte < 128 else 257 - byte if byte > 128 else 0
            place += byte + 2 if byte < 128 else 2 if byte > 128 else 1
        if held > pixels + 1:
            raise ValueError("more bytes than pixels")


def _size_of_jpeg(frame: bytes) -> tuple[int, int, int]:
    """Rows, columns and components of a JPEG or JPEG-LS stream."""
    place = 2
    while place + 10 <= len(frame) and frame[place] == 0xFF:
        marker, length = frame[place + 1], int.from_bytes(frame[place + 2 : place + 4], "big")
        if marker == 0xFF:
            place += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}):
            rows, columns = (int.from_bytes(frame[place + at : place + at + 2], "big") for at in (5, 7))
            return rows, columns, frame[place + 9]
        else:
            place += 2 + length
    raise ValueError("no frame")


def _size_of_codestream(frame: bytes) -> tuple[int, int, int]:
    """The same of a JPEG 2000 code stream, bare or in its file format."""
    begin = frame.find(b"\xff\x4f\xff\x51")
    if begin < 0 or len(frame) < begin + 42:
        raise ValueError("no code stream")
    width, height, left, top = (int.from_bytes(frame[begin + at : begin + at + 4], "big") for at in (8, 12, 16, 20))
    return height - top, width - left, int.from_bytes(frame[begin + 40 : begin + 42], "big")
