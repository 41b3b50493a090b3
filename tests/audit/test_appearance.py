"""Pictures that are no chest X-ray among drawn chests, and what is too few to judge."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from xray.audit.appearance import MIN_IMAGES, check_appearance
from xray.data.cache.hashing import FileDigests
from xray.data.cache.store import ImageCache
from xray.data.index.folders import image_names
from xray.sources.phantom import draw_patient, draw_phantom


@pytest.fixture(scope="module")
def chests():
    rng = np.random.default_rng(0)
    return np.stack([draw_phantom(rng, 64, draw_patient(rng)) for _ in range(150)])


def noise(blur, seed=1):
    picture = gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64)), blur)
    return np.clip(120 + 50 * picture / picture.std(), 0, 255).astype(np.uint8)


def chequers(cell):
    rows, columns = np.indices((64, 64)) // cell
    return (255 * ((rows + columns) % 2)).astype(np.uint8)


@pytest.mark.parametrize("picture", [noise(0), noise(3), noise(8), chequers(8), chequers(16)])
def test_what_is_no_chest_is_told_and_chests_are_not(chests, picture):
    appearance = check_appearance(np.concatenate([chests, picture[None]]))
    assert np.flatnonzero(appearance.unusual).tolist() == [len(chests)]
    assert not appearance.blank.any()


def test_a_blank_is_told_as_such(chests):
    blanks = np.stack([np.full((64, 64), grey, np.uint8) for grey in (0, 128, 255)])
    appearance = check_appearance(np.concatenate([chests, blanks]))
    assert np.flatnonzero(appearance.blank).tolist() == [150, 151, 152]
    assert not appearance.unusual.any()
    assert not appearance.rotation.any()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_image_is_told_with_its_angle(chests, turns):
    turned = np.rot90(chests[:10], turns, (1, 2))
    appearance = check_appearance(np.concatenate([chests, turned]))
    assert not appearance.rotation[:150].any()
    assert (appearance.rotation[150:] == 90 * turns).sum() >= 7


def test_too_few_images_are_not_judged(chests):
    assert check_appearance(chests[: MIN_IMAGES - 1]) is None
    assert check_appearance(chests[:MIN_IMAGES]) is not None


def test_all_blank_is_defined():
    appearance = check_appearance(np.zeros((MIN_IMAGES, 32, 32), np.uint8))
    assert appearance.blank.all()
    assert not appearance.unusual.any()


def test_few_real_images_are_called_strange(full_size_images, tmp_path):
    files = [str(full_size_images / name) for name in image_names(full_size_images)]
    fetched = ImageCache(tmp_path / "cache", 32, "stretch").fetch(files, FileDigests()(files))
    appearance = check_appearance(np.asarray(fetched.images[fetched.rows]))
    assert appearance.unusual.mean() <= 0.01
    assert not appearance.rotation.any()
