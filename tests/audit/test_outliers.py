"""Images whose intensity or sharpness is far from that of the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.audit.conftest import files_of, findings_of

from xray.audit.outliers import MAX_Z, MIN_IMAGES, robust_z

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_robust_z_of_normal_values_has_a_deviation_of_about_one(seed):
    values = np.random.default_rng(seed).normal(50, 7, (4000, 2))
    assert robust_z(values).std(axis=0) == pytest.approx([1, 1], abs=0.12)


@given(SEEDS, st.floats(0.1, 1000), st.floats(-1000, 1000))
def test_robust_z_does_not_depend_on_scale_and_shift(seed, scale, shift):
    values = np.random.default_rng(seed).normal(size=(31, 3))
    np.testing.assert_allclose(robust_z(values * scale + shift), robust_z(values), atol=1e-6)


@given(SEEDS)
def test_a_few_extreme_values_do_not_hide_one_another(seed):
    values = np.random.default_rng(seed).normal(size=(200, 1))
    values[:10] = 1e6
    assert (robust_z(values)[:10] > MAX_Z).all()


def test_robust_z_is_zero_in_a_half_without_spread():
    values = np.array([[5.0, 0.0]] * 59 + [[5.0, 9.0]])
    assert (robust_z(values) == 0).all()


def test_lists_extreme_images_with_their_statistic(make):
    root = make("set", patients={"train": (20, 20)})
    Image.new("L", (48, 48), 255).save(root / "train/NORMAL/IM-0900-0001.jpeg")
    finding = findings_of(root)["intensity-outliers"]
    assert finding.title.startswith("1 image of 81 is far")
    assert files_of(finding) == ["train/NORMAL/IM-0900-0001.jpeg"]
    assert "robust deviations" in finding.cases[0].detail


def test_needs_a_minimum_number_of_images(make):
    findings = findings_of(make("few", patients={"train": (5, 5)}))
    assert f"needs {MIN_IMAGES} images, and 20 can be read" in findings["intensity-not-checked"].title
    assert "intensity-outliers" not in findings
