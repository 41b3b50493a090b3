"""Which command, and what a user sees when it fails. Nothing heavy is imported before the command is known."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from xray import NOTICE, __version__
from xray.cli.signals import Terminated, ending_on_sigterm
from xray.utils.errors import UserError
from xray.utils.text import printable

TRAINER_COMMANDS = {
    "fit": "Train a model as a config says, and keep all of it as a new run.",
    "validate": "Score a run's best checkpoint on its validation patients.",
    "test": "Score a run's best checkpoint on the test images, and write predictions and a report into the run.",
    "calibrate": "Fit temperature, operating point and limits of rejection anew, on validation images, without training.",
}
"""Commands of LightningCLI, which `xray.cli.trainer` carries out."""

PLAIN_COMMANDS = {
    "report": ("xray.report.command", "Write a run's report anew from its predictions, without its model."),
    "compare": ("xray.compare.command", "Compare runs that were tested on the same images, with paired intervals."),
    "audit": ("xray.audit.command", "Look a folder of images over before training: leaks, duplicates, shortcuts."),
    "predict": (
        "xray.predictor.command",
        "Tell NORMAL from PNEUMONIA on images or folders of images, with a trained model.",
    ),
    "explain": ("xray.explain.command", "Show over images what moved the model's number, by two methods."),
    "export": ("xray.export.command", "Write a trained model as one file, for ONNX Runtime or for torch alone."),
    "serve": ("xray.serve.command", "Answer over HTTP: predictions, explanations and a page for people."),
    "cache": ("xray.cli.cache", "Show or free the disk that decoded images take."),
    "synth": ("xray.sources.synth", "Draw a synthetic data set of chest phantoms, for demonstration."),
    "download": (
        "xray.sources.download",
        "Fetch the public PneumoniaMNIST images (CC BY 4.0) and lay them out in folders.",
    ),
}
"""Commands that are the function of their own name in a module."""

DEBUG_VARIABLE = "XRAY_DEBUG"


def main(args: Sequence[str] | None = None) -> int:
    """Carry out one command.

    Args:
        args: Words of the command line after the program's name; by default those of this process.

    Returns:
        The exit status: 0, or 1 after an error that the user can mend, or 2 where the command line itself is wrong.
    """
    words = list(sys.argv[1:] if args is None else args)
    names = words.index("--") if "--" in words else len(words)  # behind it a word is a file's name, whatever it is
    debug = "--debug" in words[:names] or os.environ.get(DEBUG_VARIABLE, "").lower() not in {"", "0", "false", "no"}
    words = [word for word in words[:names] if word != "--debug"] + words[names:]
    try:
        return _run(words)
    except UserError as error:
        if debug:
            raise
        # Names of files may hold anything.
        print("xray: error:", "\n  ".join(map(printable, error.lines)), file=sys.stderr)
        return error.status
    except Terminated:
        print("xray: stopped by SIGTERM.", file=sys.stderr)
        return 143
    except SystemExit as stop:
        if type(stop).__name__ == "SIGTERMException":
            # Lightning's word for a termination, which has no exit status of its own.
            print("xray: stopped by SIGTERM; a fit goes on with --ckpt_path last.", file=sys.stderr)
            return 143
        # How the parsers end after --help and --print_config.
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except ModuleNotFoundError as error:
        # As in an environment that only serves.
        if debug or (error.name or "").partition(".")[0] == "xray":
            raise
        print(
            f"xray: error: {words[0]} needs {error.name}, which is not installed here: install requirements.txt.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        if debug:
            raise
        print("xray: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe, such as head, has gone: nothing is left to say.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - held until the process ends
        return 0
    except OSError as error:
        # A path that is too long, or in a folder that may not be entered, wherever it was looked at.
        if debug or error.filename is None or error.errno not in {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM}:
            raise
        named = printable(os.fsdecode(error.filename))
        print(f"xray: error: {named} cannot be used ({error.strerror}): name another.", file=sys.stderr)
        return 1


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(overview())
        return 0 if words else 2
    command, *rest = words
    if command == "--version":
        print(f"xray {__version__}")
    elif command in TRAINER_COMMANDS:
        from xray.cli.trainer import run_trainer_command

        run_trainer_command(command, rest)
    elif command in PLAIN_COMMANDS:
        from xray.cli.plain import run_plain_command

        module, _ = PLAIN_COMMANDS[command]
        with ending_on_sigterm():
            return run_plain_command(command, getattr(import_module(module), command), rest)
    else:
        from xray.cli.error_messages import nearest

        known = [*TRAINER_COMMANDS, *PLAIN_COMMANDS]
        raise UserError(
            f"There is no command {command!r}{nearest(command, known)}: 'python -m xray --help' lists them.", 2
        )
    return 0


def overview() -> str:
    """What `python -m xray --help` prints."""
    commands = TRAINER_COMMANDS | {name: summary for name, (_, summary) in PLAIN_COMMANDS.items()}
    lines = [f"  {name:<10} {summary}" for name, summary in commands.items()]
    return "\n".join(
        [
            "usage: python -m xray COMMAND [OPTIONS]",
            "",
            "Pneumonia on chest X-rays: training, testing and predicting from YAML files.",
            NOTICE,
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  --help     Show this, or after a command its own options.",
            "  --version  Show the version.",
            f"  --debug    Show the traceback of an error (so does {DEBUG_VARIABLE}=1).",
            "",
            "A first run:  python -m xray synth data/demo",
            "              python -m xray fit --config configs/cnn.yaml --data.root data/demo",
            "              python -m xray test",
        ]
    )
