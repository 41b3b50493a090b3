"""The exported graph resizes byte for byte as Pillow does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xray.data.decode.image import resize_image
from xray.export.resize import ResizeImages


@pytest.mark.parametrize("rule", ["stretch", "pad", "crop"])
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([16, 31, 64]), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_resizes_as_pillow(rule, height, width, size, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    resized = ResizeImages(size, rule)(torch.from_numpy(image)[None, None])
    assert resized.dtype == torch.uint8
    np.testing.assert_array_equal(resized[0, 0].numpy(), resize_image(image, size, rule))


@pytest.mark.parametrize("rule", ["stretch", "pad", "crop"])
def test_images_of_a_batch_are_independent(rule):
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 70, 90), dtype=np.uint8)
    resize = ResizeImages(32, rule)
    together = resize(torch.from_numpy(images))
    alone = torch.cat([resize(torch.from_numpy(image[None])) for image in images])
    assert torch.equal(together, alone)
