import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from tests.explain.conftest import network, noise

from xray.explain.occlusion import CELLS, blur, occlusion
from xray.scoring.inference import logits_of


def test_occlusion_is_that_of_captum():
    model, image = network("cnn"), noise(1)[0]
    found = occlusion(lambda images: logits_of(model, [images]), image)
    patch = len(image) // 8
    with torch.no_grad():
        oracle = Occlusion(model).attribute(
            torch.from_numpy(image)[None, None].float() / 255,
            sliding_window_shapes=(1, patch, patch),
            strides=(1, patch // 2, patch // 2),
            baselines=torch.from_numpy(blur(image).copy())[None, None].float() / 255,
        )[0, 0]
    step = len(image) // CELLS
    np.testing.assert_allclose(np.kron(found, np.ones((step, step))), oracle.numpy(), atol=1e-4)
    assert np.abs(found).max() > 1e-3


@pytest.mark.parametrize("size", [16, 29, 128])
def test_every_size_is_covered_by_patches_of_about_an_eighth_that_overlap_by_half(size):
    image = np.random.default_rng(1).integers(0, 256, (size, size), dtype=np.uint8)
    covered = blur(image)
    weights = np.random.default_rng(2).normal(size=(size, size))

    def logits(images):
        return (images * weights).sum((1, 2))

    edges = [round(i * size / CELLS) for i in range(CELLS + 1)]
    drops = {}
    for i in range(CELLS - 1):
        for j in range(CELLS - 1):
            patched = image.copy()
            patched[edges[i] : edges[i + 2], edges[j] : edges[j + 2]] = covered[
                edges[i] : edges[i + 2], edges[j] : edges[j + 2]
            ]
            drops[i, j] = logits(image[None])[0] - logits(patched[None])[0]
    expected = [
        [np.mean([d for (a, b), d in drops.items() if a in (i - 1, i) and b in (j - 1, j)]) for j in range(CELLS)]
        for i in range(CELLS)
    ]
    np.testing.assert_allclose(occlusion(logits, image), expected, atol=1e-6)


def test_the_map_is_positive_where_pixels_raise_the_logit_and_zero_where_they_do_not_matter(linear):
    image = np.zeros((64, 64), np.uint8)
    image[8:24, 8:24] = 255
    found = occlusion(linear.logits, image)
    assert found[:8, :8].max() > 0
    assert found[2:6, 2:6].min() > 0
    assert (found[9:] == 0).all()
    assert (found[:, 9:] == 0).all()
    np.testing.assert_allclose(occlusion(lambda images: -linear.logits(images), image), -found)


def test_images_go_through_the_model_in_batches_and_stay_as_they_are(linear):
    image = noise(1)[0]
    image.setflags(write=False)
    occlusion(linear.logits, image)
    assert sum(linear.asked) == 1 + (CELLS - 1) ** 2
    assert max(linear.asked) <= 32


def test_the_cover_keeps_how_bright_each_region_is_and_nothing_small():
    image = np.full((128, 128), 40, np.uint8)
    image[:, 64:] = 200
    image[60:68, 20:28] = 255
    covered = blur(image)
    assert covered[:, :10].mean() < 80 < 160 < covered[:, -10:].mean()
    without = image.copy()
    without[60:68, 20:28] = 40
    assert np.abs(covered.astype(int) - blur(without)).max() <= 5


def test_an_image_of_one_grey_has_an_empty_map(linear):
    assert (occlusion(linear.logits, np.full((64, 64), 90, np.uint8)) == 0).all()
