"""Any size becomes a square by the rule, as an antialiased triangle filter makes it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.data.pictures import RNG, assert_close
from xray.data.film import resize_film, shrink_film

RULES = ["squash", "pad", "crop"]


@pytest.mark.parametrize("rule", RULES)
def test_film_of_the_size_asked_for_is_left_alone(rule):
    film = RNG.integers(0, 256, (32, 32), dtype=np.uint8)
    np.testing.assert_array_equal(resize_film(film, 32, rule), film)


@settings(max_examples=60)
@given(height=st.integers(8, 90), width=st.integers(8, 90), size=st.integers(16, 64), rule=st.sampled_from(RULES))
def test_every_shape_becomes_a_square_of_bytes(height, width, size, rule):
    resized = resize_film(np.full((height, width), 77, np.uint8), size, rule)
    assert resized.dtype == np.uint8
    assert resized.shape == (size, size)
    if rule == "pad":
        assert set(np.unique(resized)) <= {0, 77}
    assert resized.max() == 77


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1)])
def test_a_line_of_pixels_becomes_a_square(rule, shape):
    assert resize_film(np.full(shape, 9, np.uint8), 32, rule).shape == (32, 32)


# Quadrants of a film twice as wide as high: what each rule does to it can be told by hand.
QUADRANTS = np.kron(np.array([[40, 80], [120, 200]], dtype=np.uint8), np.ones((64, 128), dtype=np.uint8))


def test_squash_stretches_both_axes_to_the_square():
    squashed = resize_film(QUADRANTS, 64, "squash")
    assert [int(squashed[y, x]) for y in (2, 28, 35, 61) for x in (2, 28, 35, 61)] == [
        *(40, 40, 80, 80, 40, 40, 80, 80),
        *(120, 120, 200, 200, 120, 120, 200, 200),
    ]


@pytest.mark.parametrize("upright", [False, True])
def test_pad_centres_the_whole_film_between_black_borders(upright):
    film = QUADRANTS.T if upright else QUADRANTS
    padded = resize_film(np.ascontiguousarray(film), 64, "pad")
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
    cropped = resize_film(np.ascontiguousarray(ramp.T if upright else ramp), 64, "crop")
    cropped = cropped.T if upright else cropped
    # Columns 64 to 192 remain, two of them to each of the result.
    assert_close(cropped, np.tile(64 + 2 * np.arange(64) + 0.5, (64, 1)), within=2)


@pytest.mark.parametrize("rule", RULES)
def test_shrinking_averages_instead_of_picking_pixels(rule):
    checkers = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert_close(resize_film(checkers, 32, rule), np.full((32, 32), 127.5), within=3)


def test_shrinking_is_near_the_average_of_the_area():
    noise = ndimage.gaussian_filter(RNG.normal(0, 1, (256, 256)), 10)
    film = (128 + 100 * noise / np.abs(noise).max()).astype(np.uint8)
    area = film.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    assert_close(resize_film(film, 64, "squash"), area, within=3)  # the filter is twice as wide as a pixel


def test_shrinking_is_the_triangle_filter_of_the_pixels_below_it():
    film = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
    # One row of weights for each result: a triangle of half-width 4 about its centre, of unit sum.
    centres, places = (np.arange(16) + 0.5) * 4, np.arange(64) + 0.5
    weights = np.clip(1 - np.abs(places - centres[:, None]) / 4, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    # Two passes round to bytes, hence the level of tolerance.
    assert_close(resize_film(film, 16, "squash"), weights @ film @ weights.T)


def test_shrink_keeps_small_films() -> None:
    film = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert shrink_film(film, 4) is film
    assert shrink_film(np.zeros((1, 5000), np.uint8), 1000).shape == (1, 1000)
