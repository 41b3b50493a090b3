"""Perturbed copies are reproducible, near the image, and different from each other."""

import numpy as np
from scipy.ndimage import center_of_mass

from xray.ood.perturb import SHIFT, perturb


def blob(size=64):
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    return (200 * np.exp(-(rows**2 + columns**2) / (2 * (size / 10) ** 2))).astype(np.uint8)


def test_a_copy_depends_only_on_seed_and_position():
    images = np.stack([blob()] * 6)
    varied = perturb(images, 3)
    assert varied.dtype == np.uint8
    assert varied.shape == images.shape
    np.testing.assert_array_equal(varied, perturb(images, 3))
    np.testing.assert_array_equal(varied[:4], perturb(images[:4], 3))
    assert not np.array_equal(varied, perturb(images, 4))
    assert len({image.tobytes() for image in varied}) == 6
    assert perturb(images[:0]).shape == (0, 64, 64)


def test_shifts_have_the_stated_standard_deviation_and_mean_zero():
    images = np.stack([blob()] * 300)
    bright = np.where(perturb(images) > 40, perturb(images), 0)
    places = np.array([center_of_mass(image) for image in bright]) / 64
    np.testing.assert_allclose(places.mean(axis=0), 31.5 / 64, atol=0.01)
    # Scaling lengthens or shortens the way of the blob a little.
    np.testing.assert_allclose(places.std(axis=0), SHIFT, rtol=0.15)


def test_images_are_exposed_and_scaled_differently():
    images = np.stack([blob()] * 100)
    varied = perturb(images)
    assert np.std([image.max() for image in varied]) > 10
    assert np.std([np.sqrt((image > image.max() / 2).sum()) for image in varied]) > 0.5
