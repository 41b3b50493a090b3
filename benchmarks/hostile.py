"""Hostile files, which a service must reject or answer without an error of its own.

All are drawn with a fixed seed from images, DICOM files made here, and pictures in many formats of Pillow.
"""

import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

SEED = 20_000
PNG = b"\x89PNG\r\n\x1a\n"
ODD_NAMES = (
    b"",
    b"../../../etc/passwd",
    b'image".jpeg',
    b"image.jpeg\r\nX-Injected: 1",
    b"a" * 5000,
    b"\xff\xfe\xfd\x00",
)
ODD_FORMATS = ("GIF", "TIFF", "BMP", "WEBP", "EPS", "TGA", "ICO", "JPEG2000")
HUGE_SIDES = (0, 1, 30_000, 65_500, 2**16 - 1, 2**31 - 1, 2**32 - 1)
LARGE = 30 * 10**6
"""Bytes of the large files, just below the limit of the service."""
ODD_TAGS: tuple[dict[str, Any], ...] = (
    {"Rows": 65_535, "Columns": 65_535},
    {"Rows": 0},
    {"Columns": None},
    {"PixelData": None},
    {"PixelData": b""},
    {"BitsAllocated": 7},
    {"BitsStored": 0, "HighBit": 65_535},
    {"SamplesPerPixel": 3},
    {"PhotometricInterpretation": "PALETTE COLOR"},
    {"WindowCenter": "0", "WindowWidth": "-1"},
    {"RescaleSlope": "1e308", "RescaleIntercept": "1e308"},
    {"ViewPosition": "LL"},
    {"Modality": "CT"},
    {"PixelRepresentation": 9},
    {"NumberOfFrames": 2**31 - 1},
)
"""Changed tags of a DICOM file; None leaves a tag out."""


@dataclass(frozen=True)
class Hostile:
    """One file.

    Args:
        kind: What is wrong with it.
        content: The file.
        name: Its name as sent.
    """

    kind: str
    content: bytes
    name: bytes = b"image.jpeg"


def hostile_files(images: Sequence[bytes], count: int) -> list[Hostile]:
    """Make hostile files of all kinds.

    Args:
        images: JPEG files.
        count: Number of files to make.
    """
    rng = random.Random(SEED)
    pixels = np.random.default_rng(SEED).integers(0, 4096, (90, 110), dtype=np.uint16)
    with warnings.catch_warnings():
        # pydicom warns about wrong tags.
        warnings.simplefilter("ignore")
        odd_dicoms = [dicom(pixels, **tags) for tags in ODD_TAGS]
        fixed = list(_fixed(images[0]))
    makers: list[Callable[[], Hostile]] = [
        lambda: Hostile("truncated", _truncated(rng, rng.choice(images))),
        lambda: Hostile("bit-flipped", _flipped(rng, rng.choice(images))),
        lambda: Hostile("random bytes", rng.choice((b"", b"\xff\xd8\xff", PNG, b"%PDF-1.4\n")) + rng.randbytes(2000)),
        lambda: Hostile("huge dimensions", _huge_header(rng, rng.choice(images))),
        lambda: Hostile("odd name", rng.choice(images), rng.choice(ODD_NAMES)),
        lambda: Hostile("odd picture", _odd_picture(rng)),
        lambda: Hostile("odd DICOM", rng.choice(odd_dicoms)),
        lambda: Hostile("damaged DICOM", _truncated(rng, rng.choice(odd_dicoms))),
        lambda: Hostile("damaged DICOM", _flipped(rng, rng.choice(odd_dicoms))),
    ]
    return fixed + [makers[i % len(makers)]() for i in range(count - len(fixed))]


def _fixed(image: bytes) -> Iterator[Hostile]:
    yield Hostile("empty", b"")
    for side in (6_900, 8_000, 30_000):
        yield Hostile("decompression bomb", png_of_zeros(side, side))
    zeros = zlib.compress(bytes(200 * 2**20), 9)
    for chunk in (_chunk(b"zTXt", b"Comment\0\0" + zeros), _chunk(b"iCCP", b"icc\0\0" + zeros)):
        yield Hostile("decompression bomb", png_of_zeros(100, 100, chunk))
    for width, height in ((60_000, 1), (1, 60_000), (1, 1)):
        yield Hostile("extreme shape", png_of_zeros(width, height))
    frames = [Image.new("L", (160, 200), grey) for grey in (0, 90, 200)]
    for file_format in ("PNG", "WEBP", "MPO"):
        yield Hostile("animated", encoded(frames[0], file_format, save_all=True, append_images=frames[1:]))
    # Many small parts, which take minutes or gigabytes if each costs something.
    exif = b"Exif\0\0" + bytes(1000)
    for segment in (b"\xff\xe1\0\2", b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif):
        yield Hostile("endless parts", image[:2] + segment * (LARGE // len(segment)) + image[2:])
    progressive = encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    yield Hostile("endless parts", progressive[:-2] + scan * (LARGE // len(scan)) + b"\xff\xd9")
    whole = dicom(np.zeros((64, 64), np.uint16))
    at = whole.index(b"\xe0\x7f\x10\x00")
    items = b"\x54\0\x20\x02SQ\0\0" + struct.pack("<I", LARGE) + b"\xfe\xff\0\xe0\0\0\0\0" * (LARGE // 8)
    yield Hostile("endless parts", whole[:at] + items + whole[at:])
    yield Hostile("long tail", image + bytes(LARGE))
    yield Hostile("too large", image + bytes(40 * 10**6))


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return an image as a file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def png_of_zeros(width: int, height: int, chunk: bytes = b"") -> bytes:
    """Return a black PNG of few bytes, with a further chunk."""
    rows = zlib.compressobj(9)
    data = b"".join([*(rows.compress(bytes(width + 1)) for _ in range(height)), rows.flush()])
    return PNG + _header(width, height) + chunk + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def dicom(pixels: npt.NDArray[np.uint16], **tags: Any) -> bytes:
    """Return a DICOM file of a chest X-ray with some tags changed; None leaves a tag out."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid(entropy_srcs=["image"])
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelData = pixels.tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = (
        data.SOPClassUID,
        data.SOPInstanceUID,
    )
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True, little_endian=True, implicit_vr=False)
    return file.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _header(width: int, height: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def _truncated(rng: random.Random, content: bytes) -> bytes:
    # Half of them within the header, where decoders fail in most ways.
    return content[: rng.randrange(1, rng.choice((1000, len(content))))]


def _flipped(rng: random.Random, content: bytes) -> bytes:
    flipped = bytearray(content)
    within = min(len(content), rng.choice((1000, len(content))))
    for _ in range(rng.choice((1, 3, 30, 300))):
        flipped[rng.randrange(within)] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def _huge_header(rng: random.Random, image: bytes) -> bytes:
    """Return a PNG or JPEG whose header claims another size than its picture has."""
    width, height = rng.choice(HUGE_SIDES), rng.choice(HUGE_SIDES)
    if rng.random() < 0.5:
        header = _header(width, height)
        return PNG + header + png_of_zeros(8, 8)[len(PNG + header) :]
    frame = next(image.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2", b"\xff\xc1") if marker in image)
    return image[: frame + 5] + struct.pack(">HH", height & 0xFFFF, width & 0xFFFF) + image[frame + 9 :]


def _odd_picture(rng: random.Random) -> bytes:
    """Return a picture in another format, or a PNG or JPEG of an unusual mode, size or orientation."""
    size = rng.choice((1, 3, 17, 500)), rng.choice((1, 3, 17, 500))
    noise = Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))
    choice = rng.randrange(3)
    if choice == 0:
        return encoded(noise.resize((64, 64)).convert("RGB"), rng.choice(ODD_FORMATS))
    if choice == 1:
        return encoded(noise.convert(rng.choice(("1", "LA", "P", "RGBA", "I;16"))), "PNG")
    exif = Image.Exif()
    exif[274] = rng.choice((0, 3, 6, 9, 65_535))
    return encoded(noise.convert(rng.choice(("RGB", "CMYK", "YCbCr"))), "JPEG", exif=exif, progressive=True)
