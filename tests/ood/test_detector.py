"""The OOD detector rejects other images, accepts new chest X-rays, and can be stored."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA

from xray.data.decode.batch import decode_images
from xray.ood.detector import (
    CLAUSES,
    COMPONENTS,
    FEATURES,
    MARGIN,
    MIN_IMAGES,
    QUANTILE,
    OODDetector,
    fit_ood_detector,
    intensity_features,
)
from xray.ood.features import gradient_histograms
from xray.sources.phantom import draw_patient, draw_phantom


@pytest.fixture(scope="module")
def chests():
    rng = np.random.default_rng(0)
    return np.stack([draw_phantom(rng, 48, draw_patient(rng)) for _ in range(360)])


@pytest.fixture(scope="module")
def ood(chests):
    return fit_ood_detector(chests[:240], chests[240:300])


def picture(values):
    return np.clip(np.asarray(values), 0, 255).astype(np.uint8)[None]


def others():
    rng = np.random.default_rng(1)
    rows, columns = np.indices((48, 48))
    return {
        "noise": picture(rng.integers(0, 256, (48, 48))),
        "clouds": picture(120 + 400 * gaussian_filter(rng.normal(size=(48, 48)), 4)),
        "chequers": picture(255 * ((rows // 6 + columns // 6) % 2)),
        "gradient": picture(columns * 5),
        "black": picture(np.zeros((48, 48))),
        "white": picture(np.full((48, 48), 255)),
        "page": picture(255 - 200 * ((rows % 6 < 2) & (rng.random((48, 48)) < 0.6))),
    }


@pytest.mark.parametrize("kind", others())
def test_rejects_other_images_with_a_reason(ood, kind):
    images = others()[kind]
    assert ood.score(images)[0] > 1
    (reason,) = ood.reasons(images)
    assert reason
    assert all(clause in CLAUSES.values() for clause in reason.split(" and "))


def test_accepts_new_chests_without_a_reason(ood, chests):
    new = chests[300:]
    assert (ood.score(new) > 1).mean() <= 0.05
    assert [reason == "" for reason in ood.reasons(new)] == (ood.score(new) <= 1).tolist()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda images: 255 - images, "outlines"),
        (lambda images: images[:, ::-1], "outlines"),
        (lambda images: np.rot90(images, 1, (1, 2)), "outlines"),
        (lambda images: images // 10, "tone"),
        (lambda images: 255 - (255 - images) // 10, "tone"),
    ],
)
def test_rejects_inverted_rotated_dark_and_bright_chests_with_the_right_reason(ood, chests, change, part):
    images = np.ascontiguousarray(change(chests[300:]))
    assert (ood.score(images) > 1).mean() > 0.9
    assert np.mean([CLAUSES[part] in reason for reason in ood.reasons(images)]) > 0.9


def test_the_distances_are_those_of_probabilistic_principal_components(ood, chests):
    """Scikit-learn's precision matrix of the same model, on the same images."""
    from xray.ood.perturb import perturb

    fitted_on = np.concatenate([chests[:240], perturb(chests[:240])])
    expected = []
    for features in (gradient_histograms, intensity_features):
        train, new = features(fitted_on), features(chests[300:])
        model = PCA(min(COMPONENTS, train.shape[1]), svd_solver="full").fit(train)
        precision = model.get_precision()

        def distance(x, mean=model.mean_, precision=precision):
            return np.sqrt(((x - mean) @ precision * (x - mean)).sum(axis=1))

        # Of 60 images the largest two distances have no weight: the third largest is at 57 of 59.
        sides = ((chests[:240], QUANTILE), (chests[240:300], 57 / 59))
        usual = [np.quantile(distance(features(images)), share) for images, share in sides]
        expected.append(distance(new) / (MARGIN * max(usual)))
    np.testing.assert_allclose(ood.score(chests[300:]), np.max(expected, axis=0), rtol=2e-3)


def test_a_stored_detector_returns_the_same_scores_to_the_bit(ood, chests):
    text = json.dumps(ood.as_dict(), allow_nan=False)
    assert len(text) < 150_000
    again = OODDetector.from_dict(json.loads(text))
    images = np.concatenate([chests[300:], *others().values()])
    np.testing.assert_array_equal(again.score(images), ood.score(images))
    assert again.reasons(images) == ood.reasons(images)
    assert again.as_dict() == ood.as_dict()


def test_a_fit_is_repeatable_and_takes_chunks(ood, chests):
    again = fit_ood_detector(iter(np.array_split(chests[:240], 7)), iter(np.array_split(chests[240:300], 3)))
    assert again.as_dict() == ood.as_dict()


@settings(max_examples=25)
@given(rows=st.lists(st.integers(0, 59), min_size=1, max_size=8))
def test_a_score_does_not_depend_on_the_other_images(ood, chests, rows):
    new = chests[300:]
    np.testing.assert_allclose(ood.score(new[rows]), ood.score(new)[rows], rtol=1e-9)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), contrast=st.integers(0, 255), base=st.integers(0, 255))
def test_any_picture_has_a_finite_score(ood, seed, contrast, base):
    noise = base + contrast * (np.random.default_rng(seed).random((2, 48, 48)) - 0.5)
    scores = ood.score(np.clip(noise, 0, 255).astype(np.uint8))
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_no_images_have_no_scores(ood):
    none = np.empty((0, 48, 48), np.uint8)
    assert ood.score(none).shape == (0,)
    assert ood.reasons(none) == []


def test_too_few_training_images_reject_nothing(chests):
    assert fit_ood_detector(chests[: MIN_IMAGES - 1], chests[240:300]) is None
    assert fit_ood_detector(iter([]), chests[240:300]) is None
    assert fit_ood_detector(chests[:MIN_IMAGES], chests[240:300]) is not None


def test_training_images_alone_set_the_limits_if_validation_images_are_few_or_uniform(ood, chests):
    smallest = {name: MARGIN * part.training_quantile for name, part in ood.gaussians.items()}
    unlike = np.concatenate(list(others().values()))
    typical = chests[240:][np.argmin(ood.score(chests[240:]))][None]
    for few in (chests[:0], typical, np.repeat(typical, 50, axis=0), unlike[:1], unlike[:2]):
        refitted = ood.with_validation(few)
        assert {name: part.limit for name, part in refitted.gaussians.items()} == smallest
        assert refitted.validation_images == len(few)


def test_unusual_validation_images_raise_the_limits(ood, chests):
    other = chests[240:300] // 10
    assert (ood.score(other) > 1).mean() > 0.9
    refitted = ood.with_validation(other)
    assert refitted.rejected_of_validation <= 0.02
    assert (refitted.score(chests[300:] // 10) > 1).mean() <= 0.05
    assert "of 60 validation images" in refitted.describe()
    reported = float(refitted.describe().partition("make its limits ")[2].split()[0])
    assert reported == pytest.approx(refitted.limit_ratio, abs=0.01)
    assert "make its limits" not in ood.describe()


@pytest.mark.parametrize("images", [1, 50])
@pytest.mark.parametrize("pair", [("noise", "clouds"), ("black", "white"), ("page", "page")])
def test_two_outliers_among_few_validation_images_do_not_widen_the_limits(ood, chests, pair, images):
    outliers = np.concatenate([others()[kind] for kind in pair])
    refitted = ood.with_validation(np.concatenate([chests[240 : 240 + images], outliers]))
    assert (refitted.score(outliers) > 1).all()
    assert refitted.rejected_of_validation >= 2 / (images + 2)
    alone = ood.with_validation(np.repeat(chests[240 : 240 + images], 9, axis=0))
    assert all(part.limit <= alone.gaussians[name].limit for name, part in refitted.gaussians.items())


def test_reports_the_fraction_of_the_validation_images_that_it_rejects(ood, chests):
    odd = np.concatenate([chests[240:300], np.zeros((1, 48, 48), np.uint8)] * 4 + [chests[:240]])
    refitted = ood.with_validation(odd)
    assert refitted.rejected_of_validation == (refitted.score(odd) > 1).mean()


def test_identical_training_images_have_a_defined_result():
    same = np.full((MIN_IMAGES, 16, 16), 90, np.uint8)
    ood = fit_ood_detector(same, same[:5])
    assert np.isfinite(ood.score(same[:3])).all()
    assert (ood.score(same[:3]) <= 1).all()
    assert (ood.score(255 - same[:3] // 3) > 1).all()


def test_uses_evenly_spaced_images_of_a_large_training_set(monkeypatch, chests):
    monkeypatch.setattr("xray.ood.detector.MAX_IMAGES", 120)
    monkeypatch.setattr("xray.ood.detector.MIN_IMAGES", 50)
    # Every second of 241 would be one too many: every fourth remains.
    thinned = fit_ood_detector(iter(np.array_split(chests[:241], 13)), chests[240:300])
    monkeypatch.setattr("xray.ood.detector.MAX_IMAGES", 4000)
    assert thinned.as_dict() == fit_ood_detector(chests[:241:4], chests[240:300]).as_dict()


@pytest.mark.parametrize(("size", "rule"), [(16, "stretch"), (100, "crop")])
def test_accepts_real_images_and_rejects_others_at_any_size(real_images, size, rule):
    def of(folder, step):
        return decode_images(sorted((real_images / folder).glob("*/*.jpeg"))[::step], size, rule)[0]

    train = of("train", 7)
    ood = fit_ood_detector(np.delete(train, np.s_[::6], axis=0), train[::6])
    test = of("test", 4)
    assert (ood.score(test) > 1).mean() <= 0.03
    assert (ood.score(255 - test) > 1).mean() >= 0.95
    assert (ood.score(np.ascontiguousarray(test.transpose(0, 2, 1))) > 1).mean() >= 0.95
    noise = np.random.default_rng(0).integers(0, 256, test.shape, dtype=np.uint8)
    assert (ood.score(noise) > 1).all()


def test_every_part_has_its_clause():
    assert list(FEATURES) == list(CLAUSES)
