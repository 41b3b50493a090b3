"""The graph resizes to the byte as Pillow does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xray.data.film import resize_film
from xray.export.resize import ResizeFilms


@pytest.mark.parametrize("rule", ["squash", "pad", "crop"])
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([16, 31, 64]), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_every_size_gives_the_bytes_of_pillow(rule, height, width, size, seed):
    film = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    made = ResizeFilms(size, rule)(torch.from_numpy(film)[None, None])
    assert made.dtype == torch.uint8
    np.testing.assert_array_equal(made[0, 0].numpy(), resize_film(film, size, rule))


@pytest.mark.parametrize("rule", ["squash", "pad", "crop"])
def test_films_of_a_batch_do_not_touch(rule):
    films = np.random.default_rng(0).integers(0, 256, (3, 1, 70, 90), dtype=np.uint8)
    resize = ResizeFilms(32, rule)
    together = resize(torch.from_numpy(films))
    alone = torch.cat([resize(torch.from_numpy(film[None])) for film in films])
    assert torch.equal(together, alone)
