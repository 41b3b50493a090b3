"""Many films are decoded at once without mixing them up, and every bad one is reported at its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xray.data.decode import decode_films


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty flat films of different greys and sizes, the first ones slowest to read, and forty that are none."""
    folder = tmp_path_factory.mktemp("decode")
    for i in range(40):
        side = 600 if i < 4 else 16 + i
        Image.new("L", (side, side), 3 * i + 1).save(folder / f"{i}.png")
        (folder / f"bad{i}.png").write_bytes(b"no film" * i)
    return folder


def greys(films):
    assert (films == films[:, :1, :1]).all()
    return films[:, 0, 0].tolist()


@pytest.mark.parametrize("rule", ["squash", "pad", "crop"])
def test_films_come_in_the_order_of_their_paths(folder, rule):
    order = [*range(39, -1, -1), 5, 5]
    films, bad = decode_films([folder / f"{i}.png" for i in order], 24, rule)
    assert films.dtype == np.uint8
    assert films.shape == (42, 24, 24)
    assert greys(films) == [3 * i + 1 for i in order]
    assert bad == {}


@settings(max_examples=30)
@given(flags=st.lists(st.booleans(), max_size=40))
def test_every_bad_film_is_reported_at_its_place_and_the_rest_keep_their_order(folder, flags):
    paths = [folder / f"{'' if good else 'bad'}{i}.png" for i, good in enumerate(flags)]
    films, bad = decode_films(paths, 16, "squash")
    assert greys(films) == [3 * i + 1 for i, good in enumerate(flags) if good]
    assert sorted(bad) == [i for i, good in enumerate(flags) if not good]
    assert all(bad.values())


def test_reasons_say_what_is_wrong_with_each(folder):
    Image.effect_noise((64, 64), 40).save(folder / "cut.jpeg")
    (folder / "cut.jpeg").write_bytes((folder / "cut.jpeg").read_bytes()[:-300])
    _, bad = decode_films(
        [folder / "absent.png", folder / "1.png", folder / "bad3.png", folder / "cut.jpeg"], 16, "squash"
    )
    assert bad[0] == "no such file"
    assert "not an image" in bad[2]
    assert "truncated" in bad[3]
    assert sorted(bad) == [0, 2, 3]


def test_all_bad_films_leave_none(folder):
    films, bad = decode_films([folder / f"bad{i}.png" for i in range(5)], 16, "squash")
    assert films.shape == (0, 16, 16)
    assert sorted(bad) == [0, 1, 2, 3, 4]


def test_no_paths_give_no_films():
    films, bad = decode_films([], 16, "squash")
    assert films.shape == (0, 16, 16)
    assert films.dtype == np.uint8
    assert bad == {}


def test_resize_rule_is_the_one_asked_for(tmp_path):
    Image.new("L", (64, 32), 200).save(tmp_path / "wide.png")
    padded, squashed = (decode_films([tmp_path / "wide.png"], 32, rule)[0][0] for rule in ("pad", "squash"))
    assert (squashed == 200).all()
    assert (padded[[0, -1]] == 0).all()
    assert (padded[16] == 200).all()
