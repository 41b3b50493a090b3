"""What typed functions get from words, and what words that do not fit are answered with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from xray.cli import main
from xray.cli.plain import run_plain_command
from xray.cli.signals import Terminated, ending_on_sigterm
from xray.utils.errors import UserError

ODD = os.fsdecode(b"image\xff.png")


def called(*words):
    """What a function with each kind of parameter is called with."""
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

    assert run_plain_command("command", command, words) == 0
    return got


def test_paths_come_as_they_are_named():
    named = ["a b.png", ODD, "{x: y}", "null", "~", "1e3", "-", "é\n.png"]
    got = called(*named, "--out", ODD, "--size", "4")
    assert list(got["images"]) == [Path(name) for name in named]
    assert got["out"] == Path(ODD)
    assert got["beside"] is None
    assert got["size"] == 4
    assert called("a", "--beside", "b")["beside"] == Path("b")


def test_names_that_begin_like_options_come_behind_a_double_dash():
    assert list(called("--out", "o", "--", "-a.png", "--size")["images"]) == [Path("-a.png"), Path("--size")]


@pytest.mark.parametrize("name", ["-a.png", "-h.png", "-1.png", "--out.png", "-a\n.png", os.fsdecode(b"-\xff.png")])
def test_a_file_that_begins_like_an_option_is_told_how_to_be_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    with pytest.raises(UserError) as told:
        called(name, "b.png")
    assert str(told.value) == f"{name} begins as options do: name the file as ./{name}, or after --."
    assert told.value.status == 2
    assert list(called(f"./{name}", "b.png")["images"]) == list(called("--", name, "b.png")["images"])


def test_an_option_that_there_is_not_is_told_as_it_was_written():
    with pytest.raises(UserError, match=r"^There is no option -x$"):
        called("a.png", "-x")


@pytest.mark.parametrize(("words", "apart"), [(["b.png"], "b.png"), (["--", "-b.png"], "--")])
def test_files_that_are_not_named_together_are_told(words, apart):
    with pytest.raises(UserError, match=f"^'{apart}' stands alone: .* files are not named together"):
        called("a.png", "--out", "o", *words)


@pytest.mark.parametrize("words", [[""], ["a", ""], ["a", "--out", ""], ["a", "--beside="]])
def test_an_empty_word_is_no_path(words):
    with pytest.raises(UserError, match="names no file or folder") as told:
        called(*words)
    assert told.value.status == 2


def test_help_calls_a_path_a_path(capsys):
    with pytest.raises(SystemExit):
        called("--help")
    assert "type: path" in capsys.readouterr().out


def test_a_message_is_one_line_whatever_the_name(capsys):
    assert main(["predict", "no\nsuch\x1b[31m" + ODD]) == 1
    assert capsys.readouterr().err == (
        "xray: error: no\\nsuch\\x1b[31mimage\\udcff.png does not exist: give image files, or folders of JPEG, PNG or "
        "DICOM.\n"
    )


def test_sigterm_is_an_exception_within_and_what_it_was_outside():
    def outer(*_):
        raise AssertionError("not this one")

    previous = signal.signal(signal.SIGTERM, outer)
    try:
        with pytest.raises(Terminated), ending_on_sigterm():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is outer
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_a_command_that_is_told_to_end_leaves_nothing_behind(tmp_path):
    words = [sys.executable, "-m", "xray", "synth", "drawn", "--patients", "5000", "--size", "256"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not any(tmp_path.rglob("*.jpeg")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert any(tmp_path.iterdir())
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert told.splitlines()[-1] == "xray: stopped by SIGTERM."
    assert not any(tmp_path.iterdir())
