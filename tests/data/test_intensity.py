"""Intensity statistics equal their definitions in NumPy and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import laplace

from xray.data import intensity
from xray.data.intensity import BLACK, STATISTICS, grey_statistics

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 6), st.just(7), st.just(7)))


def by_definition(image):
    pixels = image.astype(np.float64)
    down, right = np.gradient(pixels)
    inner = (slice(1, -1), slice(1, -1))
    percentiles = (np.percentile(image, q, method="inverted_cdf") for q in (5, 50, 99))
    return [
        pixels.mean(),
        pixels.std(),
        *percentiles,
        np.mean(image <= BLACK),
        np.hypot(down, right)[inner].mean(),
        laplace(pixels)[inner].std(),
    ]


@given(IMAGES)
def test_statistics_equal_their_definitions(images):
    expected = [by_definition(image) for image in images]
    np.testing.assert_allclose(grey_statistics(images), expected, rtol=1e-4, atol=1e-4)


@given(IMAGES)
def test_chunk_size_has_no_effect(images):
    whole = grey_statistics(images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intensity, "CHUNK", 49)
        np.testing.assert_array_equal(grey_statistics(images), whole)


def test_a_uniform_image_has_no_deviation_and_no_edges():
    columns = dict(zip(STATISTICS, grey_statistics(np.full((1, 16, 16), 77, np.uint8))[0], strict=True))
    grey = ("mean", "percentile_5", "median", "percentile_99")
    assert columns == {name: 77 if name in grey else 0 for name in STATISTICS}


def test_no_images_return_no_rows():
    assert grey_statistics(np.empty((0, 32, 32), np.uint8)).shape == (0, len(STATISTICS))
    assert grey_statistics(np.zeros((3, 32, 32), np.uint8)).dtype == np.float64
