"""What each control hides is gone, and all else is as it was."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.scoring.ablations import ABLATIONS, CENTRE_FRACTION, FRAME_FRACTION, border_only, centre_blanked

EVERY = pytest.mark.parametrize("control", ABLATIONS.values(), ids=list(ABLATIONS))


def noise(count, side, low=0, high=256):
    return np.random.default_rng(0).integers(low, high, (count, side, side), dtype=np.uint8)


def hidden(control, side, **options):
    """Where the control hides an image, shape (side, side)."""
    return control(np.zeros((1, side, side), np.uint8), 1, **options)[0] == 1


def by_definition(side, least, most):
    """Pixels whose row and column both lie from `least` to `most`, brute force."""
    return np.array([[least <= min(i, j) and max(i, j) <= most for j in range(side)] for i in range(side)])


@EVERY
@given(side=st.integers(16, 80), grey=st.integers(0, 255))
def test_an_image_is_grey_where_hidden_and_unchanged_elsewhere(control, side, grey):
    images = noise(3, side)
    result = control(images, grey)
    where = hidden(control, side)
    assert result.dtype == np.uint8
    assert (result[:, where] == grey).all()
    np.testing.assert_array_equal(result[:, ~where], images[:, ~where])
    assert where.any()
    assert not where.all()


@EVERY
def test_nothing_of_what_is_hidden_shows(control):
    where = hidden(control, 64)
    images, others = noise(2, 64), noise(2, 64)
    others[:, where] = 255 - others[:, where]
    np.testing.assert_array_equal(control(images, 100), control(others, 100))


@EVERY
def test_images_given_are_left_alone(control):
    images = noise(2, 32)
    before = images.copy()
    control(images, 7)[:] = 0
    np.testing.assert_array_equal(images, before)


@EVERY
def test_a_set_without_images_stays_empty(control):
    assert control(np.empty((0, 24, 24), np.uint8), 128).shape == (0, 24, 24)


@EVERY
def test_hidden_parts_lie_alike_on_all_sides(control):
    for side in (16, 37, 128):
        where = hidden(control, side)
        for turned in (where.T, where[::-1], where[:, ::-1]):
            np.testing.assert_array_equal(where, turned)


def test_shares_are_of_the_side():
    np.testing.assert_array_equal(hidden(border_only, 100), by_definition(100, 8, 91))
    np.testing.assert_array_equal(hidden(border_only, 100, share=0.2), by_definition(100, 20, 79))
    np.testing.assert_array_equal(hidden(centre_blanked, 100), by_definition(100, 15, 84))
    np.testing.assert_array_equal(hidden(centre_blanked, 100, share=0.5), by_definition(100, 25, 74))
    assert (FRAME_FRACTION, CENTRE_FRACTION) == (0.08, 0.7)


def test_the_frame_shows_less_than_what_surrounds_the_centre():
    frame, around = ~hidden(border_only, 128), ~hidden(centre_blanked, 128)
    assert (around | ~frame).all()
    assert frame.sum() < around.sum()


@pytest.mark.parametrize("share", [-0.1, 0, 0.5, 1, float("nan")])
def test_a_frame_that_keeps_nothing_or_all_is_rejected(share):
    with pytest.raises(ValueError, match=f"frame's share of the side is {share}"):
        border_only(noise(1, 16), 0, share)


@pytest.mark.parametrize("share", [-0.1, 0, 1, float("nan")])
def test_a_square_that_hides_nothing_or_all_is_rejected(share):
    with pytest.raises(ValueError, match=f"square's share of the side is {share}"):
        centre_blanked(noise(1, 16), 0, share)


@EVERY
@pytest.mark.parametrize("grey", [-1, 256])
def test_a_grey_out_of_range_is_rejected(control, grey):
    with pytest.raises(ValueError, match=f"grey {grey} "):
        control(noise(1, 16), grey)
