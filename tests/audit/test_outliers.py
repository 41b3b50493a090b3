"""Images whose brightness or sharpness is far from the others'."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.conftest import make_images

from xray.audit.outliers import MAX_Z, MIN_IMAGES, robust_z

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_normal_values_have_robust_deviations_of_about_one(seed):
    values = np.random.default_rng(seed).normal(50, 7, (4000, 2))
    assert robust_z(values).std(axis=0) == pytest.approx([1, 1], abs=0.12)


@given(SEEDS, st.floats(0.1, 1000), st.floats(-1000, 1000))
def test_scale_and_shift_do_not_matter(seed, scale, shift):
    values = np.random.default_rng(seed).normal(size=(31, 3))
    np.testing.assert_allclose(robust_z(values * scale + shift), robust_z(values), atol=1e-6)


@given(SEEDS)
def test_a_few_extreme_values_do_not_hide_one_another(seed):
    values = np.random.default_rng(seed).normal(size=(200, 1))
    values[:10] = 1e6
    assert (robust_z(values)[:10] > MAX_Z).all()


def test_a_half_without_spread_gives_no_distance():
    values = np.array([[5.0, 0.0]] * 59 + [[5.0, 9.0]])
    assert (robust_z(values) == 0).all()


def test_the_most_extreme_images_are_named_with_what_is_so(make, found):
    root = make("set", patients={"train": (20, 20)})
    assert "intensity-outliers" not in found(root)
    Image.new("L", (48, 48), 255).save(root / "train/NORMAL/IM-0900-0001.jpeg")
    finding = found(root)["intensity-outliers"]
    assert finding.title.startswith("1 image of 81 is far")
    assert finding.files == ["train/NORMAL/IM-0900-0001.jpeg"]
    assert "robust deviations" in finding.cases[0].detail


def test_too_few_images_are_not_judged(tmp_path, found):
    findings = found(make_images(tmp_path / "few", patients={"train": (5, 5)}))
    assert f"needs {MIN_IMAGES} images, and 20 can be read" in findings["intensity-not-checked"].title
    assert "intensity-outliers" not in findings
