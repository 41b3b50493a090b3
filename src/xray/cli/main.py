"""Select the command, and report its errors. Imports nothing heavy before the command is known."""

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
    "fit": "Train a model from a config, as a new run.",
    "validate": "Score a run's best checkpoint on its validation patients.",
    "test": "Score a run's best checkpoint on the test images, and write predictions and a report into the run.",
}
"""Commands of LightningCLI, see `xray.cli.trainer`."""

PLAIN_COMMANDS = {
    "calibrate": (
        "xray.cli.calibrate",
        "Fit temperature, threshold and OOD limits again, on validation images, without training.",
    ),
    "report": ("xray.report.command", "Write a run's report again from its predictions, without the model."),
    "compare": (
        "xray.compare.command",
        "Compare runs that were tested on the same images, with paired confidence intervals.",
    ),
    "audit": ("xray.audit.command", "Check a folder of images before training: leakage, duplicates, shortcuts."),
    "predict": (
        "xray.predictor.command",
        "Classify images or folders of images as NORMAL or PNEUMONIA with a trained model.",
    ),
    "explain": ("xray.explain.command", "Draw heat maps of what moved the model's logit."),
    "export": ("xray.export.command", "Export a trained model as one file, for ONNX Runtime or torch.export."),
    "serve": ("xray.serve.command", "Serve predictions and explanations over HTTP, with a web page."),
    "cache": ("xray.cli.cache", "Show or free the disk space of decoded images."),
    "synth": ("xray.sources.synth", "Draw a synthetic data set of chest phantoms, for demonstration."),
    "download": (
        "xray.sources.download",
        "Download the public PneumoniaMNIST images (CC BY 4.0) into folders.",
    ),
}
"""Commands that are typed functions: the module of each, and its summary."""

DEBUG_VARIABLE = "XRAY_DEBUG"


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        args: The command line after the program's name; by default that of this process.

    Returns:
        The exit status: 0, 1 after an error that the user can fix, or 2 if the command line itself is wrong.
    """
    args = list(sys.argv[1:] if args is None else args)
    end = args.index("--") if "--" in args else len(args)  # only files follow it
    debug = "--debug" in args[:end] or os.environ.get(DEBUG_VARIABLE, "").lower() not in {"", "0", "false", "no"}
    args = [arg for arg in args[:end] if arg != "--debug"] + args[end:]
    try:
        return _run(args)
    except UserError as error:
        if debug:
            raise
        # File names may contain control characters.
        print("xray: error:", "\n  ".join(map(printable, error.lines)), file=sys.stderr)
        return error.status
    except Terminated:
        print("xray: stopped by SIGTERM.", file=sys.stderr)
        return 143
    except SystemExit as stop:
        if type(stop).__name__ == "SIGTERMException":
            # Lightning's exception for SIGTERM has no exit status.
            print("xray: stopped by SIGTERM; resume a fit with --ckpt_path last.", file=sys.stderr)
            return 143
        # Parsers exit after --help and --print_config.
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except ModuleNotFoundError as error:
        # As in an environment that only serves exported models.
        if debug or error.name is None or error.name.partition(".")[0] == "xray":
            raise
        message = f"{args[0]} needs {error.name}, which is not installed: pip install . in the checkout of xray"
        print(f"xray: error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if debug:
            raise
        print("xray: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe, such as head, has ended.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - kept until the process ends
        return 0
    except OSError as error:
        # A path that is too long, or in a folder without permission.
        if debug or error.filename is None or error.errno not in {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM}:
            raise
        path = printable(os.fsdecode(error.filename))
        print(f"xray: error: {path} cannot be used ({error.strerror}): give another.", file=sys.stderr)
        return 1


def _run(args: Sequence[str]) -> int:
    if not args or args[0] in {"-h", "--help", "help"}:
        print(overview())
        return 0 if args else 2
    command, *rest = args
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
        from xray.cli.error_messages import did_you_mean

        hint = did_you_mean(command, [*TRAINER_COMMANDS, *PLAIN_COMMANDS])
        hint = hint or "; 'python -m xray --help' lists them"
        raise UserError(f"There is no command {command!r}{hint}", 2)
    return 0


def overview() -> str:
    """Return the text of `python -m xray --help`."""
    commands = TRAINER_COMMANDS | {name: summary for name, (_, summary) in PLAIN_COMMANDS.items()}
    lines = [f"  {name:<10} {summary}" for name, summary in commands.items()]
    return "\n".join(
        [
            "usage: python -m xray COMMAND [OPTIONS]",
            "",
            "Pneumonia on chest X-rays: training, testing and prediction from YAML files.",
            NOTICE,
            "",
            "commands:",
            *lines,
            "",
            "options:",
            "  --help     Show this, or the options of a command.",
            "  --version  Show the version.",
            f"  --debug    Show the traceback of an error (so does {DEBUG_VARIABLE}=1).",
            "",
            "A first run:  python -m xray synth data/demo",
            "              python -m xray fit --config configs/cnn.yaml --data.root data/demo",
            "              python -m xray test",
        ]
    )
