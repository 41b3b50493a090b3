"""Input ablations hide one part of an image and leave the rest unchanged."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray import register_ablation
from xray.evaluation.ablations import ABLATIONS, ablate, border_only, centre_masked
from xray.utils.errors import UserError

EVERY = pytest.mark.parametrize("ablation", [entry.hide for entry in ABLATIONS.values()], ids=list(ABLATIONS))


def noise(count, side):
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def hidden(ablation, side):
    """Return where an ablation hides an image, shape (side, side)."""
    return ablation(np.zeros((1, side, side), np.uint8), 1)[0] == 1


def square(side, first, last):
    """Return the mask of the pixels whose row and column are from `first` to `last`."""
    inside = (first <= np.arange(side)) & (np.arange(side) <= last)
    return inside[:, None] & inside


@EVERY
@given(side=st.integers(16, 80), grey=st.integers(0, 255))
def test_image_is_grey_where_hidden_and_unchanged_elsewhere(ablation, side, grey):
    images = noise(3, side)
    before = images.copy()
    result = ablation(images, grey)
    where = hidden(ablation, side)
    assert result.dtype == np.uint8
    assert (result[:, where] == grey).all()
    np.testing.assert_array_equal(result[:, ~where], images[:, ~where])
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(images, result)


@EVERY
def test_set_without_images_stays_empty(ablation):
    assert ablation(np.empty((0, 24, 24), np.uint8), 128).shape == (0, 24, 24)


def test_hides_a_central_square():
    np.testing.assert_array_equal(hidden(border_only, 100), square(100, 8, 91))
    np.testing.assert_array_equal(hidden(centre_masked, 100), square(100, 15, 84))
    np.testing.assert_array_equal(hidden(border_only, 37), square(37, 3, 33))


def test_own_ablation_may_write_into_its_images():
    images = noise(2, 24)
    before = images.copy()
    with patch.dict(ABLATIONS):

        @register_ablation("top", "Top hidden", "Only the lower half is shown.")
        def top(images, grey):
            images[:, :12] = grey
            return images

        result = ablate(images, "top", 7)
    assert (result[:, :12] == 7).all()
    np.testing.assert_array_equal(result[:, 12:], before[:, 12:])
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    "function", [lambda images, grey: images / 2, lambda images, grey: images[0], lambda images, grey: 1, lambda: 1]
)
def test_names_the_ablation_that_fails(function):
    with patch.dict(ABLATIONS):
        register_ablation("wrong", "Wrong", "")(function)
        with pytest.raises(UserError, match="The ablation wrong fails: "):
            ablate(noise(2, 24), "wrong", 7)


@pytest.mark.parametrize("name", ["border_only", "statistics"])
def test_names_of_the_package_are_taken(name):
    with pytest.raises(UserError, match=f"the name {name} is taken"):
        register_ablation(name, "Mine", "")
