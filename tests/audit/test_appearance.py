"""Detecting images that are not chest X-rays, blank or rotated among drawn chests."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from xray.audit.appearance import MIN_IMAGES, check_appearance
from xray.data.cache.hashing import FileDigests
from xray.data.cache.store import ImageCache
from xray.data.index.walk import image_names
from xray.sources.phantom import draw_patient, draw_phantom


@pytest.fixture(scope="module")
def chests():
    rng = np.random.default_rng(0)
    return np.stack([draw_phantom(rng, 64, draw_patient(rng)) for _ in range(150)])


def noise(blur):
    image = gaussian_filter(np.random.default_rng(1).normal(size=(64, 64)), blur)
    return np.clip(120 + 50 * image / image.std(), 0, 255).astype(np.uint8)


def chequers(cell):
    rows, columns = np.indices((64, 64)) // cell
    return (255 * ((rows + columns) % 2)).astype(np.uint8)


def test_detects_images_that_are_not_chests(chests):
    others = np.stack([noise(0), noise(3), noise(8), chequers(8), chequers(16)])
    appearance = check_appearance(np.concatenate([chests, others]))
    assert np.flatnonzero(appearance.unusual).tolist() == [150, 151, 152, 153, 154]
    assert not appearance.blank.any()


def test_detects_blank_images(chests):
    blanks = np.stack([np.full((64, 64), grey, np.uint8) for grey in (0, 128, 255)])
    appearance = check_appearance(np.concatenate([chests, blanks]))
    assert np.flatnonzero(appearance.blank).tolist() == [150, 151, 152]
    assert not appearance.unusual.any()
    assert not appearance.rotation.any()


def test_estimates_the_angle_of_rotated_images(chests):
    rotated = [np.rot90(chests[4 * turns : 4 * turns + 4], turns, (1, 2)) for turns in (1, 2, 3)]
    appearance = check_appearance(np.concatenate([chests, *rotated]))
    assert not appearance.rotation[:150].any()
    assert (appearance.rotation[150:] == np.repeat([90, 180, 270], 4)).mean() >= 0.7


def test_needs_a_minimum_number_of_images(chests):
    assert check_appearance(chests[: MIN_IMAGES - 1]) is None
    assert check_appearance(chests[:MIN_IMAGES]) is not None


def test_all_images_may_be_blank():
    appearance = check_appearance(np.zeros((MIN_IMAGES, 32, 32), np.uint8))
    assert appearance.blank.all()
    assert not appearance.unusual.any()


def test_few_real_images_are_reported(full_size_images, tmp_path):
    files = [str(full_size_images / name) for name in image_names(full_size_images)]
    fetched = ImageCache(tmp_path / "cache", 32, "stretch").fetch(files, FileDigests()(files))
    appearance = check_appearance(np.asarray(fetched.images[fetched.rows]))
    assert appearance.unusual.mean() <= 0.01
    assert not appearance.rotation.any()
