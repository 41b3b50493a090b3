"""Headers are read without decoding, or a reason is given."""

import os

import numpy as np
import pytest
from PIL import Image
from tests.data.dicoms import write_dicom

from xray.data.decode.header import ImageHeader, read_headers


@pytest.mark.parametrize(
    ("mode", "name", "file_format", "in_colour"),
    [
        ("L", "grey.jpeg", "JPEG", False),
        ("RGB", "colour.jpg", "JPEG", True),
        ("CMYK", "print.jpg", "JPEG", True),
        ("L", "grey.png", "PNG", False),
        ("LA", "clear.png", "PNG", False),
        ("P", "palette.png", "PNG", True),
        ("RGBA", "both.png", "PNG", True),
        ("I;16", "deep.png", "PNG", False),
        ("1", "bits.png", "PNG", False),
    ],
)
def test_reads_size_mode_and_format(tmp_path, mode, name, file_format, in_colour):
    path = tmp_path / name
    Image.new(mode, (30, 20)).save(path)
    (facts,) = read_headers([path])
    assert facts == ImageHeader(30, 20, mode, file_format, path.stat().st_size)
    assert facts.aspect == 1.5
    assert facts.in_colour is in_colour


def test_the_format_is_that_of_the_content_not_of_the_name(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpeg")
    assert read_headers([tmp_path / "a.jpeg"])[0].format == "PNG"


def test_nothing_is_decoded(tmp_path):
    # Two thirds of the file are missing.
    path = tmp_path / "cut.jpeg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 48), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    assert read_headers([path]) == [ImageHeader(48, 64, "L", "JPEG", path.stat().st_size)]


def test_returns_the_reason_for_an_unreadable_file(tmp_path):
    good = tmp_path / "good.png"
    Image.new("L", (4, 4)).save(good)
    (tmp_path / "text.jpeg").write_text("no image")
    (tmp_path / "empty.jpeg").touch()
    Image.new("L", (4, 4)).save(tmp_path / "other.png", format="PPM")
    names = ["missing.png", "text.jpeg", "good.png", "empty.jpeg", "other.png", "."]
    facts = read_headers([tmp_path / name for name in names])
    assert facts[:2] == ["no such file", "not JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"]
    assert facts[2] == ImageHeader(4, 4, "L", "PNG", good.stat().st_size)
    assert facts[3:5] == ["it is empty", "not JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"]
    assert "directory" in facts[5]


@pytest.mark.parametrize(
    ("dtype", "tags", "mode"),
    [
        (np.uint8, {}, "L"),
        (np.uint16, {"BitsStored": 12}, "I;16"),
        (np.int16, {}, "I;16"),
        (np.uint8, {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "RGB"),
    ],
)
def test_reads_the_same_from_dicom(tmp_path, dtype, tags, mode):
    path = write_dicom(tmp_path / "image.dcm", np.zeros((20, 30), dtype), **tags)
    (facts,) = read_headers([path])
    assert facts == ImageHeader(30, 20, mode, "DICOM", path.stat().st_size)
    assert facts.in_colour is (mode == "RGB")


def test_dicom_without_pixels_or_with_too_many_is_unreadable(tmp_path):
    paths = [
        write_dicom(tmp_path / "empty.dcm", np.zeros((2, 2), np.uint8), Rows=0),
        write_dicom(tmp_path / "bomb.dcm", np.zeros((2, 2), np.uint8), Rows=60_000, Columns=60_000),
    ]
    empty, bomb = read_headers(paths)
    assert "no pixels" in empty
    assert "60000 x 60000 pixels exceed the limit" in bomb


def test_order_is_kept_and_odd_names_are_read(tmp_path):
    paths = []
    for width in range(1, 60):
        paths.append(tmp_path / os.fsdecode(b"odd\xff%d.png" % width))
        Image.new("L", (width, 3)).save(paths[-1])
    assert [fact.width for fact in read_headers(paths)] == list(range(1, 60))
    assert read_headers([]) == []
