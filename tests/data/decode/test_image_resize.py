"""Images of any size are resized to a square by the rule, with an antialiased triangle filter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.small_images import RNG, assert_close

from xray.data.decode.image import resize_image, shrink_image

RULES = ["stretch", "pad", "crop"]


@pytest.mark.parametrize("rule", RULES)
def test_image_of_the_size_asked_for_is_left_alone(rule):
    image = RNG.integers(0, 256, (32, 32), dtype=np.uint8)
    np.testing.assert_array_equal(resize_image(image, 32, rule), image)


@settings(max_examples=60)
@given(height=st.integers(8, 90), width=st.integers(8, 90), size=st.integers(16, 64), rule=st.sampled_from(RULES))
def test_every_shape_becomes_a_square_of_bytes(height, width, size, rule):
    resized = resize_image(np.full((height, width), 77, np.uint8), size, rule)
    assert resized.dtype == np.uint8
    assert resized.shape == (size, size)
    if rule == "pad":
        assert set(np.unique(resized)) <= {0, 77}
    assert resized.max() == 77


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1)])
def test_a_line_of_pixels_becomes_a_square(rule, shape):
    assert resize_image(np.full(shape, 9, np.uint8), 32, rule).shape == (32, 32)


# Quadrants of an image twice as wide as high: the result of each rule is known.
QUADRANTS = np.kron(np.array([[40, 80], [120, 200]], dtype=np.uint8), np.ones((64, 128), dtype=np.uint8))


def test_stretch_stretches_both_axes_to_the_square():
    stretched = resize_image(QUADRANTS, 64, "stretch")
    assert [int(stretched[y, x]) for y in (2, 28, 35, 61) for x in (2, 28, 35, 61)] == [
        *(40, 40, 80, 80, 40, 40, 80, 80),
        *(120, 120, 200, 200, 120, 120, 200, 200),
    ]


@pytest.mark.parametrize("upright", [False, True])
def test_pad_centres_the_whole_image_between_black_borders(upright):
    image = QUADRANTS.T if upright else QUADRANTS
    padded = resize_image(np.ascontiguousarray(image), 64, "pad")
    padded = padded.T if upright else padded
    assert not padded[:16].any()
    assert not padded[48:].any()
    assert [int(padded[y, x]) for y in (16, 29, 34, 47) for x in (0, 29, 34, 63)] == [
        *(40, 40, 80, 80, 40, 40, 80, 80),
        *(120, 120, 200, 200, 120, 120, 200, 200),
    ]


@pytest.mark.parametrize("upright", [False, True])
def test_crop_keeps_the_middle_of_the_longer_side(upright):
    ramp = np.tile(np.repeat(np.arange(0, 256, 2, dtype=np.uint8), 2), (128, 1))  # 128 high, 256 wide, column = value
    cropped = resize_image(np.ascontiguousarray(ramp.T if upright else ramp), 64, "crop")
    cropped = cropped.T if upright else cropped
    # Columns 64 to 192 remain, two of them to each of the result.
    assert_close(cropped, np.tile(64 + 2 * np.arange(64) + 0.5, (64, 1)), within=2)


@pytest.mark.parametrize("rule", RULES)
def test_shrinking_averages_instead_of_picking_pixels(rule):
    checkers = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert_close(resize_image(checkers, 32, rule), np.full((32, 32), 127.5), within=3)


def test_shrinking_is_the_triangle_filter_of_the_pixels_below_it():
    image = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
    # One row of weights for each result: a triangle of half-width 4 about its centre, of unit sum.
    centres, places = (np.arange(16) + 0.5) * 4, np.arange(64) + 0.5
    weights = np.clip(1 - np.abs(places - centres[:, None]) / 4, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    # Two passes round to bytes, hence the level of tolerance.
    assert_close(resize_image(image, 16, "stretch"), weights @ image @ weights.T)


def test_shrink_keeps_small_images() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert shrink_image(image, 4) is image
    assert shrink_image(np.zeros((1, 5000), np.uint8), 1000).shape == (1, 1000)
