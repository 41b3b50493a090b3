"""Changed copies are found, and no other pairs."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from xray.data import duplicates
from xray.data.decode.batch import decode_images
from xray.data.duplicates import COPY, exact_duplicates, near_duplicates
from xray.data.index.walk import image_names


def draw(count, seed=0, side=128):
    """Draw images with structure at all scales, as radiographs have."""
    noise = np.random.default_rng(seed).normal(size=(count, side, side))
    images = sum(blur * gaussian_filter(noise, (0, blur, blur)) for blur in (1, 2, 4, 8, 16))
    return np.clip(110 + 35 * images / images.std(), 0, 255).astype(np.uint8)


def jpeg(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def cropped(image, left, top, right, bottom):
    width, height = image.size
    return image.crop((left, top, width - right, height - bottom)).resize(image.size, Image.Resampling.BILINEAR)


CHANGES = {
    "recompressed": lambda image: jpeg(image, 40),
    "resized": lambda image: image.resize((60, 60)).resize(image.size),
    "brighter": lambda image: image.point(lambda grey: min(255, grey + 40)),
    "less contrast": lambda image: image.point(lambda grey: 0.5 * grey + 60),
    "gamma": lambda image: image.point(lambda grey: 255 * (grey / 255) ** 0.75),
    "cropped on all sides": lambda image: cropped(image, 4, 5, 3, 6),
    "cropped on one side": lambda image: cropped(image, 6, 0, 0, 0),
    "cropped and recompressed": lambda image: jpeg(cropped(image, 2, 6, 5, 0), 60),
}


@pytest.mark.parametrize("change", CHANGES)
def test_finds_a_changed_copy_and_no_other_pair(change):
    images = draw(12)
    copy = np.asarray(CHANGES[change](Image.fromarray(images[4])))
    (pair,) = near_duplicates(np.concatenate([images, copy[None]]))
    assert (pair.first, pair.second) == (4, 12)
    assert COPY <= pair.similarity <= 1


def test_the_copy_may_come_first():
    images = draw(6)
    copy = np.asarray(cropped(Image.fromarray(images[5]), 5, 5, 5, 5))
    (pair,) = near_duplicates(np.concatenate([copy[None], images]))
    assert (pair.first, pair.second) == (0, 6)


def test_pairs_are_sorted_by_similarity():
    images = draw(5)
    twice = np.concatenate([images, images[2:3], np.asarray(jpeg(Image.fromarray(images[2]), 20))[None]])
    pairs = near_duplicates(twice)
    assert [(pair.first, pair.second) for pair in pairs] == [(2, 5), (2, 6), (5, 6)]
    assert pairs[0].similarity == pytest.approx(1)
    assert pairs[1].similarity < 1


def test_mirrored_and_inverted_images_are_not_copies():
    images = draw(8)
    turned = [ImageOps.mirror(Image.fromarray(images[0])), ImageOps.flip(Image.fromarray(images[1]))]
    inverted = ImageOps.invert(Image.fromarray(images[2]))
    others = np.stack([np.asarray(image) for image in (*turned, inverted)])
    assert near_duplicates(np.concatenate([images, others])) == []


def test_uniform_images_are_not_copies():
    flat = np.repeat(np.array([0, 0, 90, 255], np.uint8), 128 * 128).reshape(4, 128, 128)
    assert near_duplicates(np.concatenate([flat, draw(3)])) == []


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_have_no_pairs(count):
    assert near_duplicates(draw(2)[:count]) == []


def test_block_size_has_no_effect(monkeypatch):
    images = draw(10)
    images = np.concatenate([images, images[3:6] // 2 + 40])
    whole = near_duplicates(images)
    monkeypatch.setattr(duplicates, "BLOCK", 40)
    monkeypatch.setattr(duplicates, "PAIRS_PER_CHUNK", 2)
    pairs = near_duplicates(images)
    assert [pair[:2] for pair in pairs] == [pair[:2] for pair in whole]
    assert sorted(pair[:2] for pair in pairs) == [(3, 10), (4, 11), (5, 12)]


@given(st.lists(st.sampled_from(["a", "b", "c", "empty x", "unreadable y"]), max_size=12))
def test_exact_duplicates_are_files_with_one_hash(digests):
    groups = exact_duplicates(digests)
    expected = {name: [i for i, digest in enumerate(digests) if digest == name] for name in "abc"}
    assert sorted(groups) == sorted(same for same in expected.values() if len(same) > 1)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)


def test_finds_full_size_originals_of_real_images(real_images, full_size_images):
    paths = {name.rsplit("/", 1)[1]: real_images / name for name in image_names(real_images)}
    originals = image_names(full_size_images)[::8]
    small = [paths[name.rsplit("/", 1)[1]] for name in originals]
    images, bad = decode_images([*small, *(full_size_images / name for name in originals)], 128, "stretch")
    assert not bad
    pairs = near_duplicates(images)
    assert sorted(pair[:2] for pair in pairs) == [(i, i + len(small)) for i in range(len(small))]
    assert min(pair.similarity for pair in pairs) > 0.95
