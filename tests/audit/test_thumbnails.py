"""Thumbnails on the page of an audit."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from tests.data.dicoms import write_dicom

from xray.audit.colour import colourfulness
from xray.audit.thumbnails import colour_thumbnail
from xray.data.decode.header import read_headers

RAMP = np.tile(np.linspace(0, 4095, 400).astype(np.uint16), (200, 1))


def pixels(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")))))


def test_a_dicom_image_is_shown_by_its_window(tmp_path):
    path = write_dicom(tmp_path / "image.dcm", RAMP, bits=12, WindowCenter=2048, WindowWidth=4096)
    small = pixels(colour_thumbnail(path))
    assert small.shape == (80, 160)
    np.testing.assert_allclose(small[40], np.linspace(0, 255, 160), atol=4)


@pytest.mark.parametrize(
    ("name", "values"), [("a.png", RAMP), ("a.tif", RAMP), ("a.tif", (RAMP / 4095).astype(np.float32))]
)
def test_deep_greys_are_shown_as_they_are_read(tmp_path, name, values):
    Image.fromarray(values).save(tmp_path / name)
    np.testing.assert_allclose(pixels(colour_thumbnail(tmp_path / name))[40], np.linspace(0, 255, 160), atol=4)


def test_a_dicom_file_that_is_no_image_has_no_thumbnail(tmp_path):
    assert colour_thumbnail(write_dicom(tmp_path / "ct.dcm", RAMP, bits=12, Modality="CT")) is None
    assert colour_thumbnail(tmp_path / "missing.dcm") is None


def test_dicom_images_are_not_coloured(tmp_path):
    colour = tmp_path / "colour.png"
    Image.new("RGB", (8, 8), (200, 10, 10)).save(colour)
    paths = [write_dicom(tmp_path / "grey.dcm", RAMP, bits=12), colour]
    paths += [write_dicom(tmp_path / "rgb.dcm", RAMP[:, :100], SamplesPerPixel=3, PhotometricInterpretation="RGB")]
    np.testing.assert_array_equal(colourfulness(paths, read_headers(paths)), [0, 190, 0])
