import subprocess
import sys

import numpy as np
import pytest
from tests.explain.conftest import Linear

from xray.explain.maps import CAVEATS, Explanation, explain_image, methods_of
from xray.utils.errors import UserError


@pytest.mark.parametrize("method", CAVEATS)
def test_each_method_finds_where_a_model_looks(linear, method):
    image = np.zeros((64, 64), np.uint8)
    image[8:24, 8:24] = 255
    image[40:56, 40:56] = 255
    explanation = explain_image(linear, image, method)
    values = explanation.values
    assert values.dtype == np.float64
    half = len(values) // 2
    assert np.abs(values[:half, :half]).sum() > 0.9 * np.abs(values).sum()
    assert explanation.limit == np.abs(values).max()
    assert explanation.caveat == CAVEATS[method]


def test_grad_cam_comes_first_where_there_is_one():
    weights = np.zeros((32, 32))
    assert methods_of(Linear(weights).manifest)[0] == "gradcam"
    assert methods_of(Linear(weights, has_grad_cam=False).manifest) == ["occlusion"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_without_numbers_has_no_map(value):
    with pytest.raises(UserError, match="not finite"):
        Explanation.of("gradcam", np.array([[0.0, value]]))


@pytest.mark.parametrize("method", CAVEATS)
def test_every_map_has_one_sentence_on_what_it_is_not(method):
    assert "not an outline of a finding" in CAVEATS[method]
    assert "no proof" in CAVEATS[method]
    assert CAVEATS[method].count(".") == 1


def test_maps_and_layers_need_nothing_heavy():
    code = (
        "import sys, xray.explain.maps, xray.explain.overlay, xray.explain.occlusion;"
        "print([m for m in ('torch', 'captum', 'scipy', 'matplotlib', 'sklearn', 'lightning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
