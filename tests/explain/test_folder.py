"""File names of explanations, and folders that are never overwritten."""

from pathlib import Path

import pytest

from xray.explain.folder import COLUMNS, TABLE, check_out, picture_names, write_table
from xray.utils.errors import UserError


def earlier(folder, *names):
    """Earlier explanations."""
    folder.mkdir()
    write_table(folder / TABLE, [(name, "image.jpeg", 0.5, 0.6, 0.5, "PNEUMONIA") for name in names])
    for name in names:
        (folder / name).write_bytes(b"picture")
    return folder


def test_accepts_a_new_or_empty_folder(tmp_path):
    check_out(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    check_out(tmp_path / "empty")


def test_earlier_explanations_may_be_replaced_and_nothing_else(tmp_path):
    out = earlier(tmp_path / "out", "a.png", "b.png")
    check_out(out)
    (out / "b.png").unlink()
    check_out(out)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not overwritten"):
        check_out(out)


@pytest.mark.parametrize(
    "content", ["", "path,other\n", ",".join(COLUMNS) + "\nnotes.txt,x,1,1,1,N\n../b.png,x,1,1,1,N\n"]
)
def test_other_folders_with_such_a_table_are_left_alone(tmp_path, content):
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "b.png").touch()
    (out / "notes.txt").touch()
    (out / TABLE).write_text(content)
    with pytest.raises(UserError, match="not overwritten"):
        check_out(out)


def test_a_file_is_rejected(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        check_out(tmp_path / "file")


def test_images_of_the_same_name_get_different_pictures():
    paths = [Path(p) for p in ("x/a.jpeg", "y/a.jpeg", "y/A.png", "a-2.png", "b.jpeg")]
    assert picture_names(paths) == ["a.png", "a-2.png", "A-3.png", "a-2-2.png", "b.png"]


def test_odd_and_long_names_give_valid_file_names():
    names = picture_names([Path("é" * 120 + ".png"), Path("line\nbreak.png"), Path("back\\slash.png"), Path("a\udcff")])
    assert all("\n" not in name and "\\" not in name and len(name.encode()) < 250 for name in names)
    assert len(set(names)) == 4


def test_a_link_is_rejected_before_anything_is_lost(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(UserError, match="symbolic link"):
        check_out(tmp_path / "link")
