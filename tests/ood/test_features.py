"""Features of the OOD detector equal their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from xray.ood.features import gradient_histograms, principal_components, shrink


def noise(seed, size, images=1):
    return np.random.default_rng(seed).integers(0, 256, (images, size, size), dtype=np.uint8)


@settings(max_examples=30)
@given(size=st.integers(1, 40), side=st.integers(1, 40), seed=st.integers(0, 99))
def test_each_small_pixel_is_the_mean_of_its_area(size, side, seed):
    images = noise(seed, size)
    # Every pixel cut into side x side parts: areas are then whole numbers of parts.
    parts = images.repeat(side, axis=1).repeat(side, axis=2).astype(float)
    expected = parts.reshape(1, side, size, side, size).mean(axis=(2, 4))
    np.testing.assert_allclose(shrink(images, side), expected, atol=1e-3)


@settings(max_examples=20)
@given(size=st.integers(16, 100), seed=st.integers(0, 99))
def test_outlines_rotate_with_the_image(size, seed):
    images = noise(seed, size)
    upright, turned = (
        gradient_histograms(np.ascontiguousarray(each)).reshape(8, 4, 4)
        for each in (images, np.rot90(images, 2, (1, 2)))
    )
    # Half a turn moves each cell to the opposite place, and each direction by four of eight.
    np.testing.assert_allclose(turned, np.roll(upright, 4, axis=0)[:, ::-1, ::-1], atol=1e-3)


@pytest.mark.parametrize(("step", "strongest"), [((0, 1), 0), ((1, 0), 2), ((0, -1), 4), ((-1, 0), 6)])
def test_a_ramp_has_outlines_towards_its_bright_side(step, strongest):
    rows, columns = np.indices((32, 32)) - 16
    image = (128 + 6 * (step[0] * rows + step[1] * columns)).astype(np.uint8)[None]
    strength = gradient_histograms(image).reshape(8, 16).sum(axis=1)
    assert np.argmax(strength) == strongest
    assert strength[(strongest + 4) % 8] == pytest.approx(0, abs=1e-4)


def test_outlines_hardly_depend_on_contrast_and_are_zero_without_structure():
    image = noise(0, 32) // 4
    np.testing.assert_allclose(gradient_histograms(4 * image), gradient_histograms(image), rtol=0.05)
    assert not gradient_histograms(np.full((1, 32, 32), 77, np.uint8)).any()
    assert gradient_histograms(image[:0]).shape == (0, 128)


def test_principal_components_are_those_of_scikit_learn():
    features = np.random.default_rng(0).normal(size=(200, 12)) * np.arange(1, 13)
    mean, components, variances = principal_components(features, 5)
    expected = PCA(12).fit(features)
    np.testing.assert_allclose(mean, expected.mean_)
    np.testing.assert_allclose(variances, expected.explained_variance_)
    along = np.abs(components @ expected.components_[:5].T)
    np.testing.assert_allclose(along, np.eye(5), atol=1e-8)
