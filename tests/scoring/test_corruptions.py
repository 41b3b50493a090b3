"""Each corruption against its definition, and the same result in chunks of any size."""

import math
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from xray import register_corruption
from xray.scoring.corruptions import CORRUPTIONS, corrupt, variants
from xray.utils.errors import UserError

NAMES = list(CORRUPTIONS)
STRENGTHS = (1, 2, 3, 4, 5)
RANDOM = ["exposure", "contrast", "noise", "shift", "rotation"]
SIDE = 64
EVERY = pytest.mark.parametrize("name", NAMES)
AT_ALL_STRENGTHS = pytest.mark.parametrize("strength", STRENGTHS)


def body_images(count, side=SIDE, seed=0):
    """Return different bright bodies with some texture on black."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side - 0.5
    texture = ndimage.gaussian_filter(rng.normal(0, 1, (count, side, side)), (0, side / 40, side / 40))
    body = 1 / (1 + np.exp(40 * (np.hypot(x, y) - rng.uniform(0.35, 0.45, (count, 1, 1)))))
    return np.clip(body * (130 + 40 * texture / texture.std()), 0, 255).astype(np.uint8)


def dots(count, row, column, spread):
    """Return images with the same soft dot."""
    y, x = np.mgrid[:SIDE, :SIDE]
    image = 255 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * spread**2))
    return np.tile(image.round().astype(np.uint8), (count, 1, 1))


def amount(name, strength):
    return CORRUPTIONS[name].amounts[strength - 1]


def distance(images, others):
    return np.sqrt(np.mean((images.astype(float) - others) ** 2))


def assert_each_is_one_of(images, *candidates, tolerance=0.0):
    """Check that each image is near its image in one of the candidates, and that each of the candidates occurs."""
    found = {
        next(
            k for k, candidate in enumerate(candidates) if np.abs(image - candidate[i].astype(float)).max() <= tolerance
        )
        for i, image in enumerate(images)
    }
    assert found == set(range(len(candidates)))


def test_amounts_are_from_mild_to_severe():
    for name, corruption in CORRUPTIONS.items():
        rising = corruption.amounts if name != "jpeg" else corruption.amounts[::-1]
        assert len(rising) == len(STRENGTHS)
        assert all(low < high for low, high in pairwise(rising))


@EVERY
def test_distance_from_the_original_grows_with_the_strength(name):
    images = body_images(12, side=128)
    distances = [distance(images, corrupt(images, name, strength, seed=0)) for strength in STRENGTHS]
    assert all(low < high for low, high in pairwise([0.0, *distances]))


@EVERY
@pytest.mark.parametrize("side", [16, 37])
def test_images_of_any_size_keep_shape_and_type(name, side):
    images = body_images(3, side)
    images.setflags(write=False)
    before = images.copy()
    for strength in STRENGTHS:
        corrupted = corrupt(images, name, strength, seed=0)
        assert corrupted.shape == images.shape
        assert corrupted.dtype == np.uint8
    assert not np.array_equal(corrupted, images)
    assert not np.shares_memory(corrupted, images)
    np.testing.assert_array_equal(images, before)


def test_set_without_images_stays_empty():
    assert corrupt(np.empty((0, 24, 24), np.uint8), "blur", 3, seed=0).shape == (0, 24, 24)


@settings(max_examples=40)
@given(
    name=st.sampled_from(NAMES),
    strength=st.sampled_from(STRENGTHS),
    seed=st.integers(0, 2**40),
    cut=st.integers(0, 7),
    first=st.integers(0, 10_000),
)
def test_result_does_not_depend_on_the_chunks(name, strength, seed, cut, first):
    images = body_images(7, side=20)
    whole = corrupt(images, name, strength, seed, first)
    parts = corrupt(images[:cut], name, strength, seed, first), corrupt(images[cut:], name, strength, seed, first + cut)
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("name", RANDOM)
def test_random_choices_differ_by_image_and_by_seed(name):
    images = np.repeat(body_images(1), 16, axis=0)
    corrupted = corrupt(images, name, 3, seed=0)
    assert len(np.unique(corrupted, axis=0)) >= 2
    assert not np.array_equal(corrupted, corrupt(images, name, 3, seed=1))
    assert not np.array_equal(corrupted, corrupt(images, name, 3, seed=0, first=16))
    np.testing.assert_array_equal(corrupted, corrupt(images, name, 3, seed=0))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in RANDOM])
def test_other_corruptions_depend_on_neither_seed_nor_position(name):
    images = np.repeat(body_images(1), 3, axis=0)
    corrupted = corrupt(images, name, 3, seed=0)
    assert len(np.unique(corrupted, axis=0)) == 1
    np.testing.assert_array_equal(corrupted, corrupt(images, name, 3, seed=1, first=5))


def test_random_choices_of_two_corruptions_are_independent():
    images = np.repeat(body_images(1), 64, axis=0)
    brighter = corrupt(images, "exposure", 3, seed=0).mean(axis=(1, 2)) > images.mean(axis=(1, 2))
    harder = corrupt(images, "contrast", 3, seed=0).std(axis=(1, 2)) > images.std(axis=(1, 2))
    assert 16 < np.sum(brighter == harder) < 48


def test_random_choices_do_not_depend_on_the_strength():
    images = np.full((12, 16, 16), 100, np.uint8)
    brighter = [corrupt(images, "exposure", strength, seed=0)[:, 0, 0] > 100 for strength in STRENGTHS]
    assert (np.array(brighter) == brighter[0]).all()
    grain = [corrupt(images, "noise", strength, seed=0).astype(float) - 100 for strength in STRENGTHS]
    np.testing.assert_allclose(grain[4] / amount("noise", 5), grain[2] / amount("noise", 3), atol=0.1)


@pytest.mark.parametrize("name", ["exposure", "contrast", "blur", "shift", "rotation", "resampling"])
def test_black_images_stay_black(name):
    assert not corrupt(np.zeros((4, 32, 32), np.uint8), name, 5, seed=0).any()


@pytest.mark.parametrize("name", ["contrast", "blur", "resampling"])
@pytest.mark.parametrize("grey", [1, 255])
def test_blank_images_are_unchanged(name, grey):
    images = np.full((4, 32, 32), grey, np.uint8)
    np.testing.assert_array_equal(corrupt(images, name, 5, seed=0), images)


@AT_ALL_STRENGTHS
def test_exposure_is_a_gamma_curve_or_its_inverse(strength):
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
    gamma = amount("exposure", strength)
    dark, bright = (np.round(255 * (images / 255) ** exponent) for exponent in (gamma, 1 / gamma))
    assert_each_is_one_of(corrupt(images, "exposure", strength, seed=0), dark, bright)


@AT_ALL_STRENGTHS
def test_contrast_multiplies_or_divides_the_distance_from_the_mean(strength):
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
    factor = amount("contrast", strength)
    mean = images.mean(axis=(1, 2), keepdims=True)
    hard, soft = (np.clip(np.round(mean + (images - mean) * by), 0, 255) for by in (factor, 1 / factor))
    assert_each_is_one_of(corrupt(images, "contrast", strength, seed=0), hard, soft)


@AT_ALL_STRENGTHS
def test_blur_is_a_gaussian_of_a_share_of_the_side(strength):
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE), dtype=np.uint8)
    deviation = amount("blur", strength) * SIDE
    reach = 12
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2))
    padded = np.pad(images.astype(float), ((0, 0), (reach, reach), (reach, reach)), "symmetric")
    for axis in (1, 2):
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis)
        padded = windows @ (weights / weights.sum())
    np.testing.assert_allclose(corrupt(images, "blur", strength, seed=0), padded, atol=0.6)


@AT_ALL_STRENGTHS
def test_noise_is_white_and_of_the_given_deviation(strength):
    grain = corrupt(np.full((20, SIDE, SIDE), 128, np.uint8), "noise", strength, seed=0) - 128.0
    assert grain.std() == pytest.approx(math.hypot(amount("noise", strength), 1 / math.sqrt(12)), rel=0.01)
    assert abs(grain.mean()) < 0.01 * amount("noise", strength)
    for neighbour in (grain[:, 1:, :], grain[:, :, 1:], grain[1:]):
        own = grain[tuple(slice(length) for length in neighbour.shape)]
        assert abs(np.corrcoef(own.ravel(), neighbour.ravel())[0, 1]) < 0.02


@AT_ALL_STRENGTHS
def test_jpeg_is_a_file_of_the_given_quality_read_back(strength, tmp_path):
    images = body_images(3)
    for image, corrupted in zip(images, corrupt(images, "jpeg", strength, seed=0), strict=True):
        Image.fromarray(image).save(tmp_path / "image.jpg", quality=amount("jpeg", strength))
        np.testing.assert_array_equal(corrupted, np.asarray(Image.open(tmp_path / "image.jpg")))


@AT_ALL_STRENGTHS
def test_shift_moves_by_a_share_of_the_side_in_all_directions(strength):
    centre = (SIDE - 1) / 2
    corrupted = corrupt(dots(60, centre, centre, 3), "shift", strength, seed=0)
    moved = np.array([ndimage.center_of_mass(image) for image in corrupted]) - centre
    np.testing.assert_allclose(np.hypot(*moved.T), amount("shift", strength) * SIDE, rtol=0.02)
    angles = np.degrees(np.arctan2(*moved.T)) % 360
    assert (np.histogram(angles, 4, (0, 360))[0] >= 5).all()


def test_shift_does_not_blur():
    centre = (SIDE - 1) / 2
    for image in corrupt(dots(12, centre, centre, 1.5), "shift", 3, seed=0):
        row, column = ndimage.center_of_mass(image)
        np.testing.assert_allclose(image, dots(1, row, column, 1.5)[0].astype(float), atol=5)


def test_shift_uncovers_black_at_one_or_two_sides():
    corrupted = corrupt(np.full((12, SIDE, SIDE), 200, np.uint8), "shift", 5, seed=0)
    assert set(np.unique(corrupted)) == {0, 200}
    for image in corrupted == 200:
        height, width = image.any(axis=1).sum(), image.any(axis=0).sum()
        assert image.sum() == height * width
        assert math.hypot(SIDE - height, SIDE - width) == pytest.approx(amount("shift", 5) * SIDE, abs=1.5)


@AT_ALL_STRENGTHS
def test_rotation_is_about_the_centre_by_the_amount_either_way(strength):
    centre = (SIDE - 1) / 2
    row, column = -11.5, 9.5
    turned = []
    for sign in (1, -1):
        angle = sign * math.radians(amount("rotation", strength))
        sin, cos = math.sin(angle), math.cos(angle)
        turned.append(dots(24, centre + cos * row + sin * column, centre + cos * column - sin * row, 3))
    corrupted = corrupt(dots(24, centre + row, centre + column, 3), "rotation", strength, seed=0)
    assert_each_is_one_of(corrupted, *turned, tolerance=2)


def test_rotation_uncovers_black_at_the_corners():
    corrupted = corrupt(np.full((4, SIDE, SIDE), 200, np.uint8), "rotation", 5, seed=0)
    assert not corrupted[:, [0, 0, -1, -1], [0, -1, 0, -1]].any()
    assert (corrupted[:, 16:-16, 16:-16] == 200).all()


def test_resampling_by_two_is_a_triangle_filter_and_linear_interpolation():
    images = body_images(3)
    assert amount("resampling", 3) == 2
    # Each coarse pixel lies between the second and the third of the four pixels in its window, along either axis.
    weights = np.array([1, 3, 3, 1]) / 8
    halved = ndimage.correlate(images.astype(float), np.multiply.outer(weights, weights)[None])[:, 1::2, 1::2]
    enlarged = np.array([ndimage.zoom(image, 2, order=1, mode="nearest", grid_mode=True) for image in halved])
    inner = np.s_[:, 4:-4, 4:-4]  # at the edges the filters differ in how they extend the image
    np.testing.assert_allclose(corrupt(images, "resampling", 3, seed=0)[inner], enlarged[inner], atol=2)


def test_own_corruption_has_as_many_strengths_as_amounts():
    images = body_images(3)
    before = images.copy()
    with patch.dict(CORRUPTIONS):

        @register_corruption("gain", "Gain", [1.5, 20.0], "factor")
        def gain(image, amount, rng):
            return image * amount

        assert [strength for name, strength in variants() if name == "gain"] == [1, 2]
        mild, severe = (corrupt(images, "gain", strength, seed=0) for strength in (1, 2))
    # Rounded and clipped, rather than wrapped around.
    np.testing.assert_array_equal(mild, np.minimum(np.rint(before * 1.5), 255).astype(np.uint8))
    np.testing.assert_array_equal(severe[before > 12], 255)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    "function",
    [
        lambda image, amount, rng: image[:5],
        lambda image: image,
        lambda image, amount, rng: image * np.nan,
        lambda image, amount, rng: image / 255,
        lambda image, amount, rng: image > 100,
        lambda image, amount, rng: image.astype(object),
    ],
)
def test_names_the_corruption_that_fails(function):
    with patch.dict(CORRUPTIONS):
        register_corruption("wrong", "Wrong", (1,), "")(function)
        with pytest.raises(UserError, match="The corruption wrong fails: "):
            corrupt(body_images(2), "wrong", 1, seed=0)


def test_names_of_the_package_are_taken():
    with pytest.raises(UserError, match="blur is a corruption of xray already"):
        register_corruption("blur", "Blur", (1,), "")
