"""Select the command, and report its errors. Imports nothing heavy before the command is known."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from xray import NOTICE, __version__
from xray.cli.commands import PLAIN_COMMANDS, TRAINER_COMMANDS
from xray.cli.signals import Terminated, ending_on_sigterm
from xray.utils.errors import UserError
from xray.utils.text import printable

DEBUG_VARIABLE = "XRAY_DEBUG"


def main(args: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        args: The command line after the program's name; by default that of this process.

    Returns:
        The exit status: 0, 1 after an error that the user can fix, or 2 if the command line itself is wrong.
    """
    args = list(sys.argv[1:] if args is None else args)
    if "" not in sys.path:
        # So that configs can name classes in the working folder, also with the script `xray`.
        sys.path.append("")
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
            print("xray: stopped by SIGTERM.", file=sys.stderr)
            return 143
        # Parsers exit after --help and --print_config.
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except ModuleNotFoundError as error:
        # As in an environment that only serves exported models.
        if debug or (error.name or "").partition(".")[0] == "xray":
            raise
        message = f"{args[0]} needs {error.name}, which is not installed: pip install . in the checkout of xray"
        if error.name is None:  # raised by a library, which says what it needs
            message = f"{args[0]}: {' '.join(str(error).split())}"
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
        # A path that is too long, in a folder without permission, or on a full disk.
        usual = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC}
        if debug or error.filename is None or error.errno not in usual:
            raise
        path = printable(os.fsdecode(error.filename2 or error.filename))
        print(f"xray: error: {path} cannot be used ({error.strerror}): give another.", file=sys.stderr)
        return 1


def _run(args: Sequence[str]) -> int:
    if not args or args[0] in {"-h", "--help", "help"}:
        print(overview())
        return 0 if args else 2
    command, *rest = args
    if command == "--version":
        print(f"xray {__version__}")
    elif command in TRAINER_COMMANDS and {"-h", "--help"} & set(rest):
        from xray.cli.trainer_help import help_text

        print(help_text(command))
    elif command in TRAINER_COMMANDS:
        from xray.cli.trainer import run_trainer_command

        with ending_on_sigterm():
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
