"""Many images are decoded in order, and every unreadable one is reported."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xray.data.decode.batch import decode_images


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty uniform images of different greys, the first ones slowest to read, and forty files that are not images."""
    folder = tmp_path_factory.mktemp("decode")
    for i in range(40):
        side = 600 if i < 4 else 16 + i
        Image.new("L", (side, side), 3 * i + 1).save(folder / f"{i}.png")
        (folder / f"bad{i}.png").write_bytes(b"not an image" * i)
    return folder


def greys(images):
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0].tolist()


@pytest.mark.parametrize("rule", ["stretch", "pad", "crop"])
def test_images_are_in_the_order_of_their_paths(folder, rule):
    order = [*range(39, -1, -1), 5, 5]
    images, bad = decode_images([folder / f"{i}.png" for i in order], 24, rule)
    assert images.dtype == np.uint8
    assert images.shape == (42, 24, 24)
    assert greys(images) == [3 * i + 1 for i in order]
    assert bad == {}


@settings(max_examples=30)
@given(flags=st.lists(st.booleans(), max_size=40))
def test_every_unreadable_image_is_reported(folder, flags):
    paths = [folder / f"{'' if good else 'bad'}{i}.png" for i, good in enumerate(flags)]
    images, bad = decode_images(paths, 16, "stretch")
    assert greys(images) == [3 * i + 1 for i, good in enumerate(flags) if good]
    assert sorted(bad) == [i for i, good in enumerate(flags) if not good]
    assert all(bad.values())


def test_reasons_say_what_is_wrong(folder):
    Image.effect_noise((64, 64), 40).save(folder / "cut.jpeg")
    (folder / "cut.jpeg").write_bytes((folder / "cut.jpeg").read_bytes()[:-300])
    _, bad = decode_images(
        [folder / "absent.png", folder / "1.png", folder / "bad3.png", folder / "cut.jpeg"], 16, "stretch"
    )
    assert bad[0] == "no such file"
    assert bad[2] == "not JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"
    assert "truncated" in bad[3]
    assert sorted(bad) == [0, 2, 3]


def test_no_paths_return_no_images():
    images, bad = decode_images([], 16, "stretch")
    assert images.shape == (0, 16, 16)
    assert images.dtype == np.uint8
    assert bad == {}
