"""Typed functions as commands: parsing, errors and SIGTERM."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from xray.cli import main
from xray.cli.plain import run_plain_command
from xray.cli.signals import Terminated, ending_on_sigterm
from xray.utils.errors import UserError

ODD = os.fsdecode(b"image\xff.png")


def called(*args):
    """Return the arguments that a function with each kind of parameter is called with."""
    got = {}

    def command(images: Sequence[Path], out: Path = Path("out"), beside: Path | None = None, size: int = 3) -> None:
        """Do something.

        Args:
            images: Some.
            out: One.
            beside: Another.
            size: A number.
        """
        got.update(images=images, out=out, beside=beside, size=size)

    assert run_plain_command("command", command, args) == 0
    return got


def test_paths_are_taken_literally():
    named = ["a b.png", ODD, "{x: y}", "null", "./~", "1e3", "-", "é\n.png"]
    got = called(*named, "--out", ODD, "--size", "4")
    assert list(got["images"]) == [Path(name) for name in named]
    assert got["out"] == Path(ODD)
    assert got["beside"] is None
    assert got["size"] == 4
    assert called("a", "--beside", "b")["beside"] == Path("b")


def test_a_leading_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    got = called("~/a.png", "b~.png", "--out=~/out", "--beside", "~")
    assert got["images"] == [tmp_path / "a.png", Path("b~.png")]
    assert (got["out"], got["beside"]) == (tmp_path / "out", tmp_path)


def test_files_after_a_double_dash():
    assert list(called("--out", "o", "--", "-a.png", "--size")["images"]) == [Path("-a.png"), Path("--size")]


@pytest.mark.parametrize("name", ["-a.png", "-h.png", "-1.png", "--out.png", "-a\n.png", os.fsdecode(b"-\xff.png")])
def test_file_that_looks_like_an_option(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    with pytest.raises(UserError) as error:
        called(name, "b.png")
    assert str(error.value) == f"{name} looks like an option: give the file as ./{name}, or after --."
    assert error.value.status == 2
    assert list(called(f"./{name}", "b.png")["images"]) == list(called("--", name, "b.png")["images"])


def test_unknown_short_option():
    with pytest.raises(UserError, match="There is no option -x; "):
        called("a.png", "-x")


@pytest.mark.parametrize(("args", "apart"), [(["b.png"], "b.png"), (["--", "-b.png"], "--")])
def test_files_must_be_named_together(args, apart):
    with pytest.raises(UserError, match=f"^'{apart}' is not expected here: .* files must be listed one after another"):
        called("a.png", "--out", "o", *args)


@pytest.mark.parametrize("args", [[""], ["a", ""], ["a", "--out", ""], ["a", "--beside="]])
def test_empty_text_is_not_a_path(args):
    with pytest.raises(UserError, match="is not a file or folder") as error:
        called(*args)
    assert error.value.status == 2


def test_type_of_a_path_in_the_help(capsys):
    with pytest.raises(SystemExit):
        called("--help")
    assert "type: path" in capsys.readouterr().out


def test_message_is_one_line_for_any_file_name(capsys):
    assert main(["predict", "no\nsuch\x1b[31m" + ODD]) == 1
    assert capsys.readouterr().err == (
        "xray: error: no\\nsuch\\x1b[31mimage\\udcff.png does not exist: give image files, or folders of JPEG, PNG, "
        "TIFF, BMP, WebP, GIF or DICOM.\n"
    )


def test_sigterm_is_an_exception_inside_only():
    def outer(*_):
        raise AssertionError("the outer handler was called")

    previous = signal.signal(signal.SIGTERM, outer)
    try:
        with pytest.raises(Terminated), ending_on_sigterm():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is outer
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_stopped_command_leaves_no_files(tmp_path, monkeypatch, capsys):
    save = Image.Image.save

    def save_and_stop(image, *args, **options):
        save(image, *args, **options)
        assert any(tmp_path.iterdir())
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image.Image, "save", save_and_stop)
    assert main(["synth", "drawn", "--patients", "40"]) == 143
    assert capsys.readouterr().err.splitlines()[-1] == "xray: stopped by SIGTERM."
    assert not any(tmp_path.iterdir())
