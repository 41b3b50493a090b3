"""Which command, how it ends, and how soon."""

import os
import subprocess
import sys

import pytest

import xray
from xray.cli import main
from xray.cli.main import PLAIN_COMMANDS, TRAINER_COMMANDS
from xray.utils.errors import UserError

COMMANDS = [
    "fit", "validate", "test", "calibrate", "report", "compare", "audit", "predict", "explain", "export",
    "serve", "cache", "synth", "download",
]  # fmt: skip
HEAVY = {"torch", "lightning", "matplotlib", "timm", "torchmetrics"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XRAY_DEBUG", raising=False)


def imported_by(*words):
    """Top packages that a process has imported when the command ends."""
    code = (
        "import sys; from xray.cli import main; main(sys.argv[1:]);"
        "print('modules', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_the_overview_lists_all_commands(capsys, words):
    assert main(words) == (0 if words else 2)
    listed = [line.split()[0] for line in capsys.readouterr().out.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert listed == COMMANDS == [*TRAINER_COMMANDS, *PLAIN_COMMANDS]


def test_the_overview_says_what_it_is_not_for(capsys):
    main(["--help"])
    assert "not a medical device" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["fitt"],
        ["predict", "nope.png"],
        ["synth"],
        ["cache", "list"],
        ["report"],
        ["audit", "nowhere"],
    ],
)
def test_what_needs_no_model_imports_nothing_heavy(words):
    assert not imported_by(*words) & HEAVY


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "xray", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"xray {xray.__version__}\n"
    done = subprocess.run([sys.executable, "-m", "xray", "fitt"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("xray: error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("word", "near"), [("fitt", "fit"), ("validat", "validate"), ("predcit", "predict"), ("donwload", "download")]
)
def test_an_unknown_command_is_told_with_the_nearest(capsys, word, near):
    assert main([word]) == 2
    error = capsys.readouterr().err
    assert f"'{word}'" in error
    assert f"did you mean {near}?" in error
    assert error.count("\n") == 1


def test_an_unknown_command_with_nothing_near_is_told_where_to_look(capsys):
    assert main(["qqqq"]) == 2
    error = capsys.readouterr().err
    assert "did you mean" not in error
    assert "python -m xray --help" in error


@pytest.mark.parametrize("words", [["--debug", "fitt"], ["fitt", "--debug"]])
def test_debug_raises_what_went_wrong(words):
    with pytest.raises(UserError):
        main(words)


def test_the_debug_variable_raises_what_went_wrong(monkeypatch):
    monkeypatch.setenv("XRAY_DEBUG", "1")
    with pytest.raises(UserError):
        main(["fitt"])


def test_an_empty_debug_variable_is_off(monkeypatch):
    monkeypatch.setenv("XRAY_DEBUG", "")
    assert main(["fitt"]) == 2


def test_debug_is_no_word_of_the_command(capsys):
    assert main(["--version", "--debug"]) == 0
    assert capsys.readouterr().out == f"xray {xray.__version__}\n"


def test_debug_behind_a_double_dash_is_a_file(capsys):
    assert main(["predict", "--", "--debug"]) == 1
    assert "--debug does not exist" in capsys.readouterr().err


def outcome(monkeypatch, behave, *words):
    """Exit status of a command that behaves so."""
    monkeypatch.setattr("xray.predictor.command.predict", behave)
    return main(["predict", *words])


def test_the_status_is_that_of_the_command(monkeypatch):
    def end_with(status: int = 0) -> int:
        return status

    assert outcome(monkeypatch, end_with) == 0
    assert outcome(monkeypatch, end_with, "--status", "1") == 1


@pytest.mark.parametrize(("error", "status"), [(UserError("a"), 1), (UserError("a", 2), 2)])
def test_the_status_of_an_error_is_its_own(monkeypatch, capsys, error, status):
    def fail() -> None:
        raise error

    assert outcome(monkeypatch, fail) == status
    assert capsys.readouterr() == ("", "xray: error: a\n")


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (3, 3), ("words", 1)])
def test_the_status_of_a_parser_that_ends_is_kept(monkeypatch, code, status):
    def end() -> None:
        raise SystemExit(code)

    assert outcome(monkeypatch, end) == status


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    def stop() -> None:
        raise KeyboardInterrupt

    assert outcome(monkeypatch, stop) == 130
    assert capsys.readouterr().err == "xray: stopped.\n"
    with pytest.raises(KeyboardInterrupt):
        main(["predict", "--debug"])


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch):
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outcome(monkeypatch, fail)


def test_a_reader_that_has_gone_is_no_error():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "xray", "--help"], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["predict", "report", "compare", "audit", "cache", "synth", "download"])
def test_help_of_a_command_is_that_command(capsys, command):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"python -m xray {command}" in out
    assert "Args:" not in out


def test_words_may_be_given_by_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["xray", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("xray ")
