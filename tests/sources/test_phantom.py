"""Drawn chests look roughly like chests, and differ by class where the lungs are."""

import numpy as np
import pytest

from xray.sources.phantom import draw_patient, draw_phantom

KINDS = ("bacteria", "virus")


def image_of(seed, kind="normal", size=64):
    rng = np.random.default_rng(seed)
    return draw_phantom(rng, size, draw_patient(rng, kind))


@pytest.mark.parametrize("size", [48, 65])
def test_an_image_is_square_grey_bytes(size):
    image = image_of(0, size=size)
    assert image.shape == (size, size)
    assert image.dtype == np.uint8


def test_the_same_seed_draws_the_same_image_and_another_seed_another():
    assert np.array_equal(image_of(5), image_of(5))
    assert not np.array_equal(image_of(5), image_of(6))


def test_lungs_are_darker_than_the_middle_and_the_belly():
    mean = np.mean([image_of(seed) for seed in range(30)], axis=0)
    lungs = mean[24:36, 16:22].mean(), mean[24:36, 44:48].mean()
    assert mean[50:, :2].mean() < min(lungs)
    assert max(lungs) < min(mean[20:36, 31:33].mean(), mean[58:, 24:40].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_pneumonia_brightens_the_lungs_only(kind):
    for seed in range(5):
        patient = draw_patient(np.random.default_rng(seed), kind)
        healthy = draw_patient(np.random.default_rng(seed), "normal")
        sick, well = (draw_phantom(np.random.default_rng(9), 64, who).astype(int) for who in (patient, healthy))
        changed = sick > well + 8
        assert changed.any()
        assert (sick >= well).all()
        assert well[changed].mean() < well[well > 20].mean()
        assert not changed[58:].any()


def test_bacteria_affect_one_lung_and_viruses_both():
    for seed in range(10):
        sides = {
            kind: {np.sign(opacity.x) for opacity in draw_patient(np.random.default_rng(seed), kind).opacities}
            for kind in KINDS
        }
        assert len(sides["bacteria"]) == 1
        assert sides["virus"] == {-1, 1}


def test_mean_brightness_does_not_give_the_class_away():
    normal = np.array([image_of(seed).mean() for seed in range(40)])
    pneumonia = np.array([image_of(100 + seed, KINDS[seed % 2]).mean() for seed in range(40)])
    assert 0.3 < (pneumonia[:, None] > normal[None, :]).mean() < 0.75
