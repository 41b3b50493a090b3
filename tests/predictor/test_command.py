"""Which images are predicted, and what is never written over."""

import os
import re
from pathlib import Path

import pytest

from xray.cli import main
from xray.data.index.folders import find_images
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


def found(*named):
    return [str(path) for path in find_images([Path(name) for name in named])]


def test_folders_are_searched_at_any_depth_for_images():
    assert found("images") == ["images/c.JPG", "images/deep/d.png"]


def test_files_and_folders_mix_in_the_order_given():
    assert found("b.jpeg", "images", "a.png") == ["b.jpeg", "images/c.JPG", "images/deep/d.png", "a.png"]


def test_a_file_named_is_taken_whatever_its_suffix():
    assert found("scan.dcm", "images/.hidden.png") == ["scan.dcm", "images/.hidden.png"]


@pytest.mark.parametrize(
    "named",
    [
        ("a.png", "a.png"),
        ("a.png", "./a.png"),
        ("a.png", "images/../a.png"),
        ("a.png", os.curdir + "/images/./../a.png"),
    ],
)
def test_an_image_named_twice_is_taken_once(named):
    assert found(*named) == ["a.png"]


def test_an_image_named_in_full_and_in_short_is_taken_once(work):
    assert found("a.png", str(work / "a.png")) == ["a.png"]
    assert found("images/c.JPG", str(work / "images")) == ["images/c.JPG", str(work / "images/deep/d.png")]


def test_an_image_in_a_folder_named_too_is_taken_once():
    assert found("images/deep/d.png", "images", "images/deep") == ["images/deep/d.png", "images/c.JPG"]


@pytest.mark.parametrize("named", [("nope.png",), ("a.png", "nope.png"), ("nope/",)])
def test_what_does_not_exist_is_told(named):
    with pytest.raises(UserError, match=r"nope.* does not exist"):
        found(*named)


@pytest.mark.parametrize("named", [(), ("empty",), ("empty", "empty")])
def test_no_image_at_all_is_told(named):
    with pytest.raises(UserError, match="No JPEG, PNG or DICOM"):
        found(*named)


@pytest.mark.parametrize(
    "content", ["n,auroc\n1,0.5\n", "", "a,b\n", "text", ",".join(COLUMNS) + ",more\n", ",".join(COLUMNS[:-1]) + "\n"]
)
def test_a_file_that_is_no_table_is_never_written_over(content):
    Path("out.csv").write_text(content)
    with pytest.raises(UserError, match=r"--out out\.csv"):
        check_out(Path("out.csv"))
    assert main(["predict", "a.png", "--out", "out.csv"]) == 1
    assert Path("out.csv").read_text() == content


def test_an_image_is_never_written_over():
    Path("a.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff" * 100)
    with pytest.raises(UserError, match=r"a\.png"):
        check_out(Path("a.png"))


def test_a_folder_is_not_written_over():
    for folder in ("images", ".", "..", "/"):
        with pytest.raises(UserError, match=rf"is a folder.*{re.escape(str(Path(folder) / 'predictions.csv'))}"):
            check_out(Path(folder))


def test_an_earlier_table_or_a_new_file_will_do():
    check_out(Path("new/out.csv"))
    for ending in ("\n", "\r\n", "\na.png,p,NORMAL,0.5,0.6,NORMAL\n"):
        Path("out.csv").write_bytes((",".join(COLUMNS) + ending).encode())
        check_out(Path("out.csv"))
    assert not Path("new").exists()


@pytest.mark.parametrize("out", ["a.png/out.csv", "images", "notes.txt"])
def test_a_place_that_cannot_be_written_is_told_before_any_work(out):
    Path("notes.txt").write_text("keep")
    # Without a checkpoint: whoever looks for one first says something else.
    with pytest.raises(UserError, match=out):
        predict([Path("b.jpeg")], out=Path(out))


def test_a_place_where_nothing_can_be_made_is_told_before_any_work():
    with pytest.raises(UserError, match="/proc is no folder that you may write to"):
        check_out(Path("/proc/x/out.csv"))
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    for out in ("dangling/out.csv", "loop/out.csv", "loop/deeper/out.csv"):
        with pytest.raises(UserError, match="is no folder that you may write to"):
            check_out(Path(out))


def test_without_a_run_it_is_told_how_to_make_one():
    with pytest.raises(UserError, match="python -m xray fit"):
        predict([Path("a.png")])
    assert not Path("predictions.csv").exists()


def test_the_table_of_a_scored_set_is_never_written_over():
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


def test_a_link_that_leads_to_itself_is_told_before_any_work():
    Path("loop.csv").symlink_to("loop.csv")
    with pytest.raises(UserError, match="leads to itself"):
        predict([Path("a.png")], out=Path("loop.csv"))


def test_what_is_no_ordinary_file_is_told_and_not_waited_for():
    os.mkfifo("pipe.png")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        found("pipe.png")
    with pytest.raises(UserError, match="no ordinary file"):
        check_out(Path("pipe.png"))


@pytest.mark.parametrize("words", [["predict", "x" * 300], ["predict", "a.png", "--out", "x" * 300]])
def test_a_name_that_no_disk_takes_is_told_in_a_line(words, capsys):
    assert main(words) == 1
    assert capsys.readouterr().err.startswith("xray: error:")
