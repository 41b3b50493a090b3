"""Which images `predict` finds, and which files it never overwrites."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from tests.data.dicoms import write_dicom

from xray.cli import main
from xray.data.index.image_files import find_images
from xray.evaluation.predictions import COLUMNS
from xray.predictor.command import check_out, predict
from xray.utils.errors import UserError


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.png",
        "b.jpeg",
        "images/c.JPG",
        "images/deep/d.png",
        "images/notes.txt",
        "images/.hidden.png",
        "scan.dcm",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def find(*names):
    return [str(path) for path in find_images([Path(name) for name in names])]


def test_searches_folders_recursively_and_keeps_the_given_order():
    assert find("b.jpeg", "images", "a.png") == ["b.jpeg", "images/c.JPG", "images/deep/d.png", "a.png"]


def test_accepts_a_given_file_with_any_suffix():
    assert find("scan.dcm", "images/.hidden.png") == ["scan.dcm", "images/.hidden.png"]


def test_image_given_twice_is_used_once(work):
    assert find("a.png", "images/../a.png", str(work / "a.png")) == ["a.png"]
    assert find("images/deep/d.png", "images", "images/deep") == ["images/deep/d.png", "images/c.JPG"]


@pytest.mark.parametrize("names", [("nope.png",), ("a.png", "nope/")])
def test_rejects_missing_paths(names):
    with pytest.raises(UserError, match=r"nope.* does not exist"):
        find(*names)


def test_says_what_is_left_out_and_which_folder_has_no_image(capsys):
    assert find("images", "empty") == ["images/c.JPG", "images/deep/d.png"]
    assert capsys.readouterr().err == "Note: There is no image in empty.\nNote: Left out 1 file: 1 .txt.\n"
    Path("empty/a.mp4").touch()
    with pytest.raises(UserError, match=r"in empty \(left out 1 file: 1 .mp4\)"):
        find("empty")


def test_finds_dicom_of_a_disc():
    write_dicom(Path("disc/DICOM/IM000001"), np.zeros((3, 4), np.uint8))
    write_dicom(Path("disc/DICOMDIR"), np.zeros((3, 4), np.uint8))
    assert find("disc") == ["disc/DICOM/IM000001"]


@pytest.mark.parametrize("names", [(), ("empty",)])
def test_rejects_input_without_images(names):
    with pytest.raises(UserError, match="No JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"):
        find(*names)


@pytest.mark.parametrize(
    "content", [b"", b"n,auroc\n1,0.5\n", b"\x89PNG\r\n\x1a\n\xff", ",".join(COLUMNS[:-1]).encode()]
)
def test_does_not_overwrite_other_files(content):
    Path("out.csv").write_bytes(content)
    assert main(["predict", "a.png", "--out", "out.csv"]) == 1
    assert Path("out.csv").read_bytes() == content


@pytest.mark.parametrize("folder", ["images", "."])
def test_rejects_a_folder_as_output(folder):
    with pytest.raises(UserError, match=rf"is a folder.*{re.escape(str(Path(folder) / 'predictions.csv'))}"):
        check_out(Path(folder))


def test_accepts_an_earlier_table_or_a_new_file():
    check_out(Path("new/out.csv"))
    for ending in ("\n", "\r\n", "\na.png,p,NORMAL,0.5,0.6,NORMAL\n"):
        Path("out.csv").write_bytes((",".join(COLUMNS) + ending).encode())
        check_out(Path("out.csv"))
    assert not Path("new").exists()


@pytest.mark.parametrize("out", ["a.png/out.csv", "images", "notes.txt"])
def test_checks_the_output_before_any_work(out):
    Path("notes.txt").write_text("keep")
    # There is no checkpoint, so looking for one first would give another error.
    with pytest.raises(UserError, match=out):
        predict([Path("b.jpeg")], out=Path(out))


def test_rejects_an_output_that_cannot_be_created():
    with pytest.raises(UserError, match="/proc is not a writable folder"):
        check_out(Path("/proc/x/out.csv"))


def test_without_a_run_the_error_says_how_to_train():
    with pytest.raises(UserError, match="python -m xray fit"):
        predict([Path("a.png")])
    assert not Path("predictions.csv").exists()


def test_does_not_overwrite_the_table_of_a_scored_set():
    Path("test").mkdir()
    Path("test/source.json").write_text("{}")
    table = ",".join(COLUMNS) + "\n"
    Path("test/predictions.csv").write_text(table)
    with pytest.raises(UserError, match="scored set"):
        check_out(Path("test/predictions.csv"))
    Path("link.csv").symlink_to("test/predictions.csv")
    with pytest.raises(UserError, match="scored set"):
        check_out(Path("link.csv"))
    assert Path("test/predictions.csv").read_text() == table


def test_rejects_pipes_without_waiting():
    os.mkfifo("pipe.png")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        find("pipe.png")
    with pytest.raises(UserError, match="not a regular file"):
        check_out(Path("pipe.png"))


@pytest.mark.parametrize("args", [["predict", "x" * 300], ["predict", "a.png", "--out", "x" * 300]])
def test_too_long_names_give_a_one_line_error(args, capsys):
    assert main(args) == 1
    assert capsys.readouterr().err.startswith("xray: error:")
