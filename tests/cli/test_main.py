"""Selecting a command, its exit status, and what it imports."""

import os
import subprocess
import sys

import pytest

import xray
from xray.cli import main
from xray.cli.commands import PLAIN_COMMANDS, TRAINER_COMMANDS
from xray.utils.errors import UserError

COMMANDS = [
    "fit", "validate", "test", "calibrate", "report", "compare", "audit", "predict", "explain", "export",
    "serve", "cache", "synth", "download",
]  # fmt: skip
HEAVY = {"torch", "lightning", "matplotlib", "timm", "torchmetrics"}


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XRAY_DEBUG", raising=False)


def imported_by(*args):
    """Return the top packages that a process has imported when the command ends."""
    code = (
        "import sys; from xray.cli import main; main(sys.argv[1:]);"
        "print('modules', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("args", [(), ("--help",), ("-h",), ("help",)])
def test_overview_lists_all_commands(capsys, args):
    assert main(args) == (0 if args else 2)
    listed = [line.split()[0] for line in capsys.readouterr().out.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert listed == COMMANDS == [*TRAINER_COMMANDS, *PLAIN_COMMANDS]


def test_overview_says_it_is_not_a_medical_device(capsys):
    main(["--help"])
    assert "not a medical device" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["fitt"],
        ["predict", "nope.png"],
        ["synth"],
        ["cache", "list"],
        ["report"],
        ["audit", "nowhere"],
        ["calibrate", "--help"],
    ],
)
def test_light_commands_import_nothing_heavy(args):
    assert not imported_by(*args) & HEAVY


def test_python_m_xray():
    done = subprocess.run([sys.executable, "-m", "xray", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"xray {xray.__version__}\n"
    done = subprocess.run([sys.executable, "-m", "xray", "fitt"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("xray: error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("word", "near"), [("fitt", "fit"), ("validat", "validate"), ("predcit", "predict"), ("donwload", "download")]
)
def test_unknown_command_suggests_a_similar_one(capsys, word, near):
    assert main([word]) == 2
    error = capsys.readouterr().err
    assert f"'{word}'" in error
    assert f"did you mean {near}?" in error
    assert error.count("\n") == 1


def test_unknown_command_without_a_similar_one(capsys):
    assert main(["qqqq"]) == 2
    error = capsys.readouterr().err
    assert "did you mean" not in error
    assert "python -m xray --help" in error


@pytest.mark.parametrize("args", [["--debug", "fitt"], ["fitt", "--debug"]])
def test_debug_option_raises(args):
    with pytest.raises(UserError):
        main(args)


def test_debug_variable_raises(monkeypatch):
    monkeypatch.setenv("XRAY_DEBUG", "1")
    with pytest.raises(UserError):
        main(["fitt"])


def test_empty_debug_variable_is_off(monkeypatch):
    monkeypatch.setenv("XRAY_DEBUG", "")
    assert main(["fitt"]) == 2


def test_debug_is_not_passed_on(capsys):
    assert main(["--version", "--debug"]) == 0
    assert capsys.readouterr().out == f"xray {xray.__version__}\n"


def test_debug_after_a_double_dash_is_a_file(capsys):
    assert main(["predict", "--", "--debug"]) == 1
    assert "--debug does not exist" in capsys.readouterr().err


def status_of(monkeypatch, function, *args):
    """Return the exit status when this function is the command."""
    monkeypatch.setattr("xray.predictor.command.predict", function)
    return main(["predict", *args])


def test_status_of_a_command(monkeypatch):
    def end_with(status: int = 0) -> int:
        return status

    assert status_of(monkeypatch, end_with) == 0
    assert status_of(monkeypatch, end_with, "--status", "1") == 1


@pytest.mark.parametrize(("error", "status"), [(UserError("a"), 1), (UserError("a", 2), 2)])
def test_status_of_an_error(monkeypatch, capsys, error, status):
    def fail() -> None:
        raise error

    assert status_of(monkeypatch, fail) == status
    assert capsys.readouterr() == ("", "xray: error: a\n")


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (3, 3), ("text", 1)])
def test_status_of_system_exit(monkeypatch, code, status):
    def end() -> None:
        raise SystemExit(code)

    assert status_of(monkeypatch, end) == status


def test_interrupt_is_one_line(monkeypatch, capsys):
    def stop() -> None:
        raise KeyboardInterrupt

    assert status_of(monkeypatch, stop) == 130
    assert capsys.readouterr().err == "xray: stopped.\n"
    with pytest.raises(KeyboardInterrupt):
        main(["predict", "--debug"])


def test_bug_keeps_its_traceback(monkeypatch):
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        status_of(monkeypatch, fail)


def test_closed_pipe_is_not_an_error():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "xray", "--help"], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize(
    "command", ["calibrate", "predict", "report", "compare", "audit", "cache", "synth", "download"]
)
def test_help_of_a_command(capsys, command):
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"python -m xray {command}" in out
    assert "Args:" not in out


def test_arguments_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["xray", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("xray ")
