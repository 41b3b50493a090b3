"""Files that a service must reject or answer, whatever they are, without an error of its own.

All are drawn with a fixed seed from images, DICOM files made here, and pictures of every kind that Pillow writes.
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
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

SEED = 20_000
ODD_NAMES = (
    b"",
    b" ",
    b"a.jpeg\x00.png",
    b"../../../../etc/passwd",
    b"C:\\\\Windows\\\\image.jpeg",
    b'image\\".jpeg',
    b'image".jpeg',
    b"image.jpeg\r\nX-Injected: 1",
    b"a" * 5000 + b".jpeg",
    "Röntgen \u202e gepj.\U0001fa7b".encode(),
    b"\xff\xfe\xfd.jpeg",
    b"%s%n%x%00.jpeg",
    b"<script>alert(1)</script>.jpeg",
    b"image.jpeg; name=files",
    b"CON",
    b".",
)
ODD_FORMATS = ("GIF", "TIFF", "BMP", "WEBP", "EPS", "PPM", "TGA", "ICO", "JPEG2000", "DDS")
HUGE_SIDES = (0, 1, 30_000, 65_500, 2**16 - 1, 2**20, 2**31 - 1, 2**32 - 1)


@dataclass(frozen=True)
class Hostile:
    """One file.

    Args:
        kind: What is wrong with it.
        content: The file.
        name: Its name as sent, whatever is in it.
    """

    kind: str
    content: bytes
    name: bytes = b"image.jpeg"


def hostile_files(images: Sequence[bytes], count: int) -> list[Hostile]:
    """Make so many files, of all kinds in turn.

    Args:
        images: JPEG files.
        count: How many to make.
    """
    rng = random.Random(SEED)
    makers: list[Callable[[], Hostile]] = [
        lambda: _truncated(rng, rng.choice(images)),
        lambda: _flipped(rng, rng.choice(images)),
        lambda: _text(rng),
        lambda: Hostile("random bytes", rng.choice((b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) + rng.randbytes(2000)),
        lambda: _huge_header(rng, rng.choice(images)),
        lambda: Hostile("odd name", rng.choice(images), rng.choice(ODD_NAMES)),
        lambda: _odd_picture(rng),
        lambda: _odd_dicom(rng),
        lambda: _damaged_dicom(rng),
    ]
    fixed = list(_fixed(rng, images[0]))
    assert count > len(fixed), f"at least {len(fixed) + 1} files"
    with warnings.catch_warnings():
        # That the tags are wrong is what they are for.
        warnings.simplefilter("ignore")
        return fixed + [makers[i % len(makers)]() for i in range(count - len(fixed))]


def _fixed(rng: random.Random, image: bytes) -> Iterator[Hostile]:
    yield Hostile("empty", b"")
    for side in (6_900, 8_000, 30_000):
        yield Hostile("decompression bomb", png_of_zeros(side, side), b"bomb.png")
    yield Hostile("decompression bomb", png_of_zeros(100, 100, text=200 * 2**20), b"text.png")
    yield Hostile("decompression bomb", png_of_zeros(100, 100, profile=200 * 2**20), b"profile.png")
    yield Hostile("extreme shape", png_of_zeros(60_000, 1), b"wide.png")
    yield Hostile("extreme shape", png_of_zeros(1, 60_000), b"high.png")
    for file_format in ("JPEG", "PNG", "GIF"):
        yield Hostile("1x1", encoded(noise(rng, (1, 1)), file_format))
    yield Hostile("1x1", dicom(np.zeros((1, 1), np.uint16)), b"one.dcm")
    frames = [noise(rng, (200, 160)) for _ in range(4)]
    for file_format in ("PNG", "GIF", "WEBP", "TIFF", "MPO"):
        yield Hostile("animated", encoded(frames[0], file_format, save_all=True, append_images=frames[1:]))
    yield Hostile("multi-frame DICOM", dicom(np.zeros((20, 64, 64), np.uint16), NumberOfFrames=20), b"frames.dcm")
    yield Hostile("multi-frame DICOM", dicom(np.zeros((2, 64, 64), np.uint16), NumberOfFrames=2**31 - 1), b"frames.dcm")
    yield from _endless(image)
    # 30 MB behind a marker that no decoder reads past.
    yield Hostile("long tail", image + bytes(30 * 10**6))
    yield Hostile("too large", image + bytes(40 * 10**6))


def _endless(image: bytes) -> Iterator[Hostile]:
    """Files of some 30 MB, or of few bytes, that ask for minutes or gigabytes beside their picture."""
    kind, size = "endless parts", 30 * 10**6
    exif = b"Exif\0\0" + bytes(1000)
    segments = (b"\xff\xe1\0\2", b"\xff", b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif)
    for segment in segments:
        yield Hostile(kind, image[:2] + segment * (size // len(segment)) + image[2:])
    progressive = encoded(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    yield Hostile(kind, progressive[:-2] + scan * (size // len(scan)) + b"\xff\xd9")
    png = png_of_zeros(64, 64)
    for chunk in (_chunk(b"prVt", b""), _chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(10**6), 9))):
        yield Hostile(kind, png[:33] + chunk * (size // len(chunk)) + png[33:], b"image.png")
    whole = dicom(np.zeros((64, 64), np.uint16))
    place = whole.index(b"\xe0\x7f\x10\x00")
    items = b"\xfe\xff\0\xe0\0\0\0\0" * (size // 8)
    for inserted in (
        b"\x54\0\x20\x02SQ\0\0" + struct.pack("<I", size) + items,
        b"\x28\0\x50\x10UC\0\0" + struct.pack("<I", size) + b"1\\" * (size // 2),
        b"\x09\0\x10\x10LO\0\0" * (size // 8),
    ):
        yield Hostile(kind, whole[:place] + inserted + whole[place:], b"image.dcm")


def noise(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """A grey picture of noise."""
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1]))


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def png_of_zeros(width: int, height: int, text: int = 0, profile: int = 0) -> bytes:
    """A grey PNG that is small as a file; `text` and `profile` are bytes of zeros in compressed chunks besides."""
    rows = zlib.compressobj(9)
    data = b"".join([*(rows.compress(bytes(width + 1)) for _ in range(height)), rows.flush()])
    chunks = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    if text:
        chunks.append(_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(text), 9)))
    if profile:
        chunks.append(_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(profile), 9)))
    return b"".join([b"\x89PNG\r\n\x1a\n", *chunks, _chunk(b"IDAT", data), _chunk(b"IEND", b"")])


def dicom(pixels: npt.NDArray[np.uint16], **tags: Any) -> bytes:
    """A DICOM file of a chest X-ray with any tags changed; None leaves a tag out."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid(entropy_srcs=["image"])
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.Rows, data.Columns = pixels.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelData = pixels.tobytes()
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = tags.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
    if meta.TransferSyntaxUID != ExplicitVRLittleEndian:
        data.PixelData = encapsulate([pixels.tobytes()])  # which is no stream of that syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = data.SOPClassUID, data.SOPInstanceUID
    data.file_meta = meta
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


def _truncated(rng: random.Random, image: bytes) -> Hostile:
    # Half of them within the head, where most of what decoders do wrong is.
    return Hostile("truncated", image[: rng.randrange(1, rng.choice((1000, len(image))))])


def _flipped(rng: random.Random, image: bytes, kind: str = "bit-flipped", name: bytes = b"image.jpeg") -> Hostile:
    flipped = bytearray(image)
    within = min(len(image), rng.choice((1000, len(image))))
    for _ in range(rng.choice((1, 3, 30, 300))):
        flipped[rng.randrange(within)] ^= 1 << rng.randrange(8)
    return Hostile(kind, bytes(flipped), name)


def _text(rng: random.Random) -> Hostile:
    svg = "<svg xmlns='http://www.w3.org/2000/svg'>"
    starts = ("", svg, "<html>", "%!PS-Adobe-3.0\n", "%PDF-1.4\n", "#!/bin/sh\n", '{"a": ', "GIF89a")
    letters = "".join(rng.choice("abc <>&\u00e4\u4e2d\n\0") for _ in range(rng.randrange(500)))
    return Hostile("text named .jpeg", (rng.choice(starts) + letters).encode())


def _huge_header(rng: random.Random, image: bytes) -> Hostile:
    """A head that claims another size than the picture has."""
    width, height = rng.choice(HUGE_SIDES), rng.choice(HUGE_SIDES)
    if rng.random() < 0.5:
        head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, rng.choice((8, 16)), rng.choice((0, 2)), 0, 0, 0))
        small = png_of_zeros(8, 8)
        return Hostile("huge dimensions", small[:8] + head + small[8 + len(head) :], b"huge.png")
    frame = next(image.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2", b"\xff\xc1") if marker in image)
    size = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
    return Hostile("huge dimensions", image[: frame + 5] + size + image[frame + 9 :])


def _odd_picture(rng: random.Random) -> Hostile:
    size = rng.choice((1, 2, 3, 17, 128, 500)), rng.choice((1, 2, 3, 17, 128, 500))
    if rng.random() < 0.5:
        return Hostile("another format", encoded(noise(rng, (64, 64)).convert("RGB"), rng.choice(ODD_FORMATS)))
    if rng.random() < 0.5:
        mode = rng.choice(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"))
        deep = Image.frombytes("I;16", size, rng.randbytes(2 * size[0] * size[1]))
        image = deep if mode == "I;16" else noise(rng, size).convert(mode)
        return Hostile("odd mode", encoded(image, "PNG"), b"odd.png")
    exif = Image.Exif()
    exif[274] = rng.choice((0, 3, 6, 8, 9, 65_535))
    mode, progressive = rng.choice(("L", "RGB", "CMYK", "YCbCr")), rng.random() < 0.5
    return Hostile("odd mode", encoded(noise(rng, size).convert(mode), "JPEG", exif=exif, progressive=progressive))


def _odd_dicom(rng: random.Random) -> Hostile:
    changes: tuple[dict[str, Any], ...] = (
        {"Rows": 65_535, "Columns": 65_535},
        {"Rows": 0},
        {"Columns": None},
        {"PixelData": None},
        {"PixelData": b""},
        {"BitsAllocated": 7},
        {"BitsStored": 0, "HighBit": 65_535},
        {"SamplesPerPixel": 3},
        {"PhotometricInterpretation": rng.choice(("MONOCHROME1", "RGB", "PALETTE COLOR", "NONSENSE", None))},
        {"WindowCenter": "0", "WindowWidth": rng.choice(("0", "-1", "1e300"))},
        {"RescaleSlope": rng.choice(("0", "1e308", "-1")), "RescaleIntercept": "1e308"},
        {"ViewPosition": rng.choice(("LL", "", "x" * 16)), "BodyPartExamined": rng.choice(("FOOT", ""))},
        {"Modality": rng.choice(("CT", "MR", "SR"))},
        {"TransferSyntaxUID": rng.choice((JPEG2000Lossless, "1.2.840.10008.1.2.4.50", "1.2.3.4.5"))},
        {"PixelRepresentation": rng.choice((1, 9))},
    )
    pixels = np.random.default_rng(rng.randrange(2**32)).integers(0, 4096, (90, 110), dtype=np.uint16)
    return Hostile("odd DICOM", dicom(pixels, **rng.choice(changes)), b"odd.dcm")


def _damaged_dicom(rng: random.Random) -> Hostile:
    whole = dicom(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    if rng.random() < 0.3:
        return Hostile("damaged DICOM", whole[: rng.randrange(len(whole))], b"damaged.dcm")
    return _flipped(rng, whole, "damaged DICOM", b"damaged.dcm")
