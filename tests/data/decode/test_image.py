"""Any file is decoded to the grey bytes that a viewer would show, large JPEGs at a fraction of their size."""

import subprocess
import sys

import numpy as np
import pydicom
import pytest
from PIL import Image
from tests.data.dicoms import write_dicom
from tests.data.small_images import ALPHA, COLOURS, PIXELS, RNG, WAVE, assert_close, stored

from xray.data.decode import row_chunks
from xray.data.decode.image import (
    decoder_version,
    load_image,
    read_image,
)


def luma(colours):
    """ITU-R 601, in floating point."""
    return colours @ np.array([0.299, 0.587, 0.114])


# Not in the order of brightness, so that the entries' numbers cannot pass for grey values.
PALETTE = np.array([[[250, 250, 250], [10, 10, 10], [255, 0, 0], [60, 120, 180]]], dtype=np.uint8)
INDEXED = Image.fromarray(np.array([[0, 1, 2, 3]], dtype=np.uint8)).convert("P")
INDEXED.putpalette(PALETTE.tobytes())
GREY_KEY = np.array([[200, 90, 200]], dtype=np.uint8)

# Image, options of its PNG, expected grey values, and tolerance.
CONVERTED = {
    "grey": (Image.fromarray(PIXELS), {}, PIXELS, 0),
    "one bit": (Image.fromarray(PIXELS > 127), {}, np.where(PIXELS > 127, 255, 0), 0),
    "colour": (Image.fromarray(COLOURS), {}, luma(COLOURS), 1),
    "palette": (INDEXED, {}, luma(PALETTE), 1),
    "alpha": (Image.fromarray(np.dstack([COLOURS, ALPHA])), {}, luma(COLOURS) * ALPHA / 255, 1.5),
    "grey with alpha": (Image.fromarray(np.dstack([PIXELS, ALPHA])), {}, PIXELS * (ALPHA / 255), 1.5),
    "transparent grey level": (Image.fromarray(GREY_KEY), {"transparency": 200}, [[0, 90, 0]], 0),
    "transparent colour": (Image.fromarray(GREY_KEY).convert("RGB"), {"transparency": (200,) * 3}, [[0, 90, 0]], 0),
    "transparent palette entry": (INDEXED, {"transparency": 0}, luma(PALETTE) * [0, 1, 1, 1], 1.5),
    "palette with alpha": (INDEXED, {"transparency": b"\xff\0\x80\xff"}, luma(PALETTE) * [1, 0, 0.5, 1], 1.5),
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_png_becomes_luma_with_transparent_pixels_on_black(kind):
    image, options, expected, within = CONVERTED[kind]
    assert_close(read_image(stored(image, **options)), np.asarray(expected), within)


def test_cmyk_jpeg_keeps_black_black_and_white_white():
    cmyk = Image.new("CMYK", (32, 16), (0, 0, 0, 0))
    cmyk.paste((0, 0, 0, 255), (0, 0, 16, 16))
    image = read_image(stored(cmyk, "JPEG", quality=95))
    assert image.shape == (16, 32)
    assert image[:, :15].max() <= 3
    assert image[:, 17:].min() >= 252


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_more_bits_is_scaled_from_its_bit_depth(bits):
    white = 2**bits - 1
    deep = RNG.integers(0, white, (6, 7), endpoint=True).astype(np.uint16)
    deep[0, 0] = white
    # Rounded to the nearest byte: at most half a level from the exact value.
    assert_close(read_image(stored(Image.fromarray(deep))), deep / white * 255, within=0.5)


def test_bit_depth_is_the_smallest_that_holds_the_brightest_pixel():
    assert read_image(stored(Image.fromarray(np.array([[0, 1024]], dtype=np.uint16)))).tolist() == [[0, 64]]  # 12 bits
    assert read_image(stored(Image.fromarray(np.array([[0, 1023]], dtype=np.uint16)))).tolist() == [[0, 255]]  # 10 bits


def test_black_image_of_16_bits_is_black():
    assert not read_image(stored(Image.fromarray(np.zeros((4, 3), np.uint16)))).any()


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("declared", [False, True])
def test_chunks_of_any_height_give_the_same_image(mode, declared, monkeypatch):
    pixels = RNG.integers(0, 256, (23, 17, 4), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 90) if mode == "I;16" else image.convert(mode)
    options = {"transparency": 3} if declared and mode in {"L", "P"} else {}
    whole = read_image(stored(image, **options))
    for pixels_per_chunk in (1, 17, 60, 200):
        monkeypatch.setattr(row_chunks, "CHUNK_PIXELS", pixels_per_chunk)
        np.testing.assert_array_equal(read_image(stored(image, **options)), whole)


PEAK = """
import sys
from xray.data.decode.image import read_image

def memory(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))

read_image(sys.argv[1])
before = memory("VmRSS")
image = read_image(sys.argv[2])
print((memory("VmHWM") - before) / image.size)
"""


@pytest.mark.parametrize(("mode", "most"), [("RGBA", 7), ("I;16", 6)])
def test_decoding_takes_few_bytes_for_each_pixel(mode, most, tmp_path):
    for side in (10, 5000):
        Image.new(mode, (side, side)).save(tmp_path / f"{side}.png", compress_level=1)
    command = [sys.executable, "-c", PEAK, tmp_path / "10.png", tmp_path / "5000.png"]
    assert 0 < float(subprocess.run(command, capture_output=True, check=True, text=True).stdout) < most


# How to show the stored rows and columns upright for each orientation of the EXIF standard.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_exif_orientation_is_applied(orientation, depth):
    exif = Image.Exif()
    exif[274] = orientation
    pixels = PIXELS.astype(depth)
    pixels[0, 0] = 255
    image = read_image(stored(Image.fromarray(pixels), exif=exif))
    np.testing.assert_array_equal(image, UPRIGHT[orientation](pixels))


def test_exif_orientation_is_applied_to_colour_jpegs():
    exif = Image.Exif()
    exif[274] = 6
    image = Image.fromarray(WAVE).convert("RGB")
    assert_close(read_image(stored(image, "JPEG", quality=98, exif=exif)), np.rot90(WAVE, -1), within=4)


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_grey_of_a_colour_jpeg_is_that_of_full_decoding(subsampling, progressive):
    # Smooth colours; the stated bound is two levels, for the rounding of three channels there and back.
    colours = np.dstack([WAVE, WAVE[::-1], WAVE[:, ::-1]])
    file = stored(Image.fromarray(colours), "JPEG", quality=92, subsampling=subsampling, progressive=progressive)
    full = np.asarray(Image.open(file).convert("RGB"), dtype=float)
    file.seek(0)
    assert_close(read_image(file), luma(full), within=2)


def test_jpeg_stored_as_rgb_without_luma_is_converted():
    file = stored(Image.fromarray(COLOURS), "JPEG", quality=98, keep_rgb=True)
    full = np.asarray(Image.open(file).convert("RGB"), dtype=float)
    file.seek(0)
    assert_close(read_image(file), luma(full))


@pytest.mark.parametrize("size", [128, 224])
def test_scaled_decoding_differs_little_from_full_decoding(full_size_images, size):
    paths = sorted(full_size_images.glob("*/*.jpeg"))[::8]
    differences = []
    for path in paths:
        full = np.asarray(Image.open(path).convert("L").resize((size, size), Image.Resampling.BILINEAR), dtype=float)
        differences.append(np.abs(load_image(path, size, "stretch") - full).mean())
    assert np.mean(differences) <= 1
    assert np.max(differences) <= 3


@pytest.mark.parametrize(("width", "height"), [(48, 64), (64, 130), (1000, 520), (515, 517)])
@pytest.mark.parametrize("least", [16, 60, 64])
def test_scaled_decoding_keeps_both_sides_long_enough(width, height, least):
    file = stored(Image.new("L", (width, height), 120), "JPEG")
    image = read_image(file, least)
    assert min(image.shape) >= min(least, width, height)
    assert max(image.shape) <= max(width, height)
    scale = height / image.shape[0]
    assert round(scale) in {1, 2, 4, 8}
    assert abs(image.shape[1] - width / round(scale)) < 1


def test_scaled_decoding_leaves_png_and_small_images_alone():
    for file in (stored(Image.fromarray(WAVE)), stored(Image.fromarray(WAVE), "JPEG")):
        full = read_image(file)
        file.seek(0)
        np.testing.assert_array_equal(read_image(file, 40), full)


def test_load_image_applies_the_resize_rule(tmp_path):
    Image.new("L", (640, 320), 200).save(tmp_path / "wide.jpeg")
    padded, cropped, stretched = (load_image(tmp_path / "wide.jpeg", 32, rule) for rule in ("pad", "crop", "stretch"))
    assert (padded[[0, -1]] == 0).all()
    for image in (padded[9:23], cropped, stretched):
        assert_close(image, np.full(image.shape, 200.0), within=2)


def test_the_decoder_version_can_be_part_of_a_file_name():
    version = decoder_version()
    assert Image.__version__ in version
    assert f"pydicom{pydicom.__version__}" in version
    assert not set(version) & set("/\\: ")


def test_dicom_is_detected_by_its_content_not_by_its_name(tmp_path):
    for name in ("image.png", "image", "image.dcm", "image.DICOM"):
        np.testing.assert_array_equal(read_image(write_dicom(tmp_path / name, PIXELS)), PIXELS)
    (tmp_path / "named.dcm").write_bytes(stored(Image.fromarray(PIXELS)).getvalue())
    np.testing.assert_array_equal(read_image(tmp_path / "named.dcm"), PIXELS)
