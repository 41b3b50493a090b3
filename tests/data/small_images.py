"""Small images of several modes, and files of them."""

import io

import numpy as np

RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 256, (5, 8), dtype=np.uint8)
COLOURS = RNG.integers(0, 256, (5, 8, 3), dtype=np.uint8)
ALPHA = RNG.integers(0, 256, (5, 8), dtype=np.uint8)
WAVE = (120 + 60 * np.sin(np.arange(48)[:, None] / 9) + 50 * np.cos(np.arange(64) / 7)).astype(np.uint8)


def stored(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def assert_close(image, expected, within=1.0):
    assert image.dtype == np.uint8
    assert image.shape == expected.shape
    np.testing.assert_allclose(image.astype(float), expected, rtol=0, atol=within)
