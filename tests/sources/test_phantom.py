import numpy as np
import pytest

from xray.sources.anatomy import draw_anatomy, draw_findings
from xray.sources.phantom import draw_phantom

SIZE = 64
KINDS = ("bacteria", "virus")


def images_of(seed, kind="normal", count=1, size=SIZE):
    rng = np.random.default_rng(seed)
    anatomy = draw_anatomy(rng)
    findings = draw_findings(rng, kind)
    return [draw_phantom(rng, size, anatomy, findings) for _ in range(count)]


def image_with_and_without(seed, kind):
    """The same image of the same patient, once diseased and once healthy, and where they differ."""
    rng = np.random.default_rng(seed)
    anatomy = draw_anatomy(rng)
    findings = draw_findings(rng, kind)
    assert findings
    diseased = draw_phantom(np.random.default_rng(seed), 128, anatomy, findings).astype(int)
    healthy = draw_phantom(np.random.default_rng(seed), 128, anatomy, ()).astype(int)
    return diseased, healthy


@pytest.mark.parametrize("size", [48, 65, 160])
def test_image_is_square_grey_bytes(size):
    (image,) = images_of(0, size=size)
    assert image.shape == (size, size)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("kind", ["normal", *KINDS])
def test_same_seed_draws_the_same_image_and_another_seed_another(kind):
    assert np.array_equal(images_of(5, kind), images_of(5, kind))
    assert not np.array_equal(images_of(5, kind), images_of(6, kind))


def test_image_looks_like_a_chest_in_its_rough_tones():
    """Dark outside, lungs darker than the middle and the belly, the heart towards the right of the picture."""
    mean = np.mean([images_of(seed)[0] for seed in range(40)], axis=0)
    outside = mean[50:, :2].mean()
    right_lung, left_lung = mean[20:36, 14:24].mean(), mean[20:36, 42:52].mean()
    middle, belly = mean[20:36, 30:34].mean(), mean[58:, 20:44].mean()
    assert outside < right_lung < middle
    assert left_lung < middle
    assert max(right_lung, left_lung) < belly
    assert mean[36:46, 36:42].mean() > mean[36:46, 22:28].mean() + 20


def test_images_of_one_patient_differ_but_resemble_each_other_more_than_those_of_others():
    pairs = np.array([images_of(seed, count=2) for seed in range(30)], dtype=float)
    assert all(not np.array_equal(first, second) for first, second in pairs)
    flat = pairs.reshape(len(pairs), 2, -1)
    flat = flat - flat.mean(axis=2, keepdims=True)
    flat /= np.linalg.norm(flat, axis=2, keepdims=True)
    likeness = flat[:, 0] @ flat[:, 1].T
    own = np.diag(likeness).mean()
    others = likeness[~np.eye(len(pairs), dtype=bool)].mean()
    assert own > others + 0.03


def test_normal_patients_have_no_opacities_and_viral_ones_more_than_bacterial_ones():
    def count(kind):
        return [len(draw_findings(np.random.default_rng(seed), kind)) for seed in range(20)]

    assert set(count("normal")) == {0}
    assert 1 <= min(count("bacteria")) <= max(count("bacteria")) <= 2
    assert min(count("virus")) > max(count("bacteria"))


def test_bacteria_keep_to_one_lung_and_viruses_take_both():
    for seed in range(20):
        sides = {
            kind: {np.sign(patch.x) for patch in draw_findings(np.random.default_rng(seed), kind)} for kind in KINDS
        }
        assert len(sides["bacteria"]) == 1
        assert sides["virus"] == {-1, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_disease_only_brightens_and_only_inside_the_lungs(kind):
    for seed in range(8):
        diseased, healthy = image_with_and_without(seed, kind)
        assert (diseased >= healthy).all()
        changed = diseased > healthy + 3
        assert healthy[changed].mean() < healthy[healthy > 10].mean(), "opacities belong on the dark lungs"
        assert not changed[-6:].any(), "the belly shows none"
        assert not changed[:, :6].any(), "the picture's edges show none"
        assert not changed[:, -6:].any(), "the picture's edges show none"


def test_disease_ranges_from_barely_visible_to_obvious():
    peaks = []
    for seed in range(60):
        diseased, healthy = image_with_and_without(seed, KINDS[seed % 2])
        peaks.append(np.percentile((diseased - healthy)[20:100], 98))
    assert min(peaks) < 30
    assert max(peaks) > 90


def test_mean_brightness_hardly_tells_the_class():
    normal = np.array([images_of(seed)[0].mean() for seed in range(60)])
    pneumonia = np.array([images_of(1000 + seed, KINDS[seed % 2])[0].mean() for seed in range(60)])
    auroc = (pneumonia[:, None] > normal[None, :]).mean()
    assert 0.35 < auroc < 0.7
