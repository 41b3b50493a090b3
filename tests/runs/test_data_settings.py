"""The data settings of a run, and those that other images keep."""

from pathlib import Path

import pytest

from xray.runs.data_settings import data_settings, for_images_given


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"root": "a", "image_size": 64}, {"root": "a", "image_size": 64}),
        ({"class_path": "my.Images", "init_args": {"image_size": 64}}, {"image_size": 64}),
        ({"class_path": "my.Images"}, {}),
        (None, {}),
    ],
)
def test_settings_lie_below_the_class_or_directly(data, expected):
    assert data_settings({"data": data}) == expected


TRAINED = {"root": "a", "index": None, "test_fraction": 0.2, "image_size": 64}


@pytest.mark.parametrize(
    ("trained", "given", "expected"),
    [
        (TRAINED, {}, {}),
        (TRAINED, {"root": Path("a")}, {"root": Path("a")}),
        (TRAINED, {"root": "b"}, {"root": "b", "index": None, "test_fraction": 0.0}),
        (TRAINED, {"index": "other"}, {"index": "other", "test_fraction": 0.0}),
        (TRAINED | {"index": {"class_path": "X"}}, {"root": "a"}, {"root": "a", "index": None, "test_fraction": 0.0}),
        # Of another class, or of an older version.
        ({"root": "a"}, {"root": "b"}, {"root": "b"}),
    ],
)
def test_other_images_are_all_used(trained, given, expected):
    assert for_images_given(trained, given) == expected
