"""Folders of splits are found by their usual names."""

import pytest

from xray.data.index.split_folders import split_folder, split_folders
from xray.utils.errors import UserError


def folders(root, *names):
    for name in names:
        (root / name).mkdir()
    return split_folders(root)


def test_splits_have_their_usual_names_in_any_case(tmp_path):
    expected = {"train": "Training", "val": "valid", "test": "TEST"}
    assert folders(tmp_path, "valid", "TEST", "Training", "extra") == expected
    assert list(split_folders(tmp_path)) == ["train", "val", "test"]


def test_a_missing_split_has_its_own_name(tmp_path):
    (tmp_path / "validation").touch()
    assert split_folders(tmp_path) == {}
    assert split_folder(tmp_path, "val") == "val"
    assert split_folders(tmp_path / "nowhere") == {}


def test_two_names_of_one_split_are_an_error_of_one_line(tmp_path):
    with pytest.raises(UserError, match=r"holds val and validation, both .* rename or move") as info:
        folders(tmp_path, "val", "validation", "train")
    assert "\n" not in str(info.value)
