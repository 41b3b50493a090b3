"""Run a typed function as a command: its signature defines the options."""

import inspect
import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args, get_origin

from docstring_parser import parse
from jsonargparse import ArgumentError, ArgumentParser

from xray.cli.error_messages import short_error
from xray.cli.user_paths import expand_home_in_paths
from xray.utils.errors import UserError
from xray.utils.files import user_path


def run_plain_command(name: str, function: Callable[..., int | None], args: Sequence[str]) -> int:
    """Parse the command line by the function's signature, and call the function.

    Args:
        name: Name of the command.
        function: Parameters without a default are positional, and so is a text that is empty by default. A positional
            sequence takes any number of values. The docstring is the help.
        args: The command line after the command's name.

    Returns:
        The exit status.

    Raises:
        UserError: The command line is wrong, or the function raises it.
    """
    expand_home_in_paths()
    parser = ArgumentParser(prog=f"python -m xray {name}", exit_on_error=False, allow_abbrev=False)
    help_texts = {parameter.arg_name: parameter.description for parameter in parse(function.__doc__ or "").params}
    added: set[str | int] = set()
    for parameter in inspect.signature(function).parameters.values():
        if options := _options(parameter):
            name = parameter.name if parameter.default in {parameter.empty, ""} else f"--{parameter.name}"
            parser.add_argument(name, **options, help=help_texts.get(parameter.name))
            added.add(parameter.name)
    parser.add_function_arguments(function, as_group=False, as_positional=True, skip=added)
    parser.description = (function.__doc__ or "").partition("Args:")[0].strip()
    try:
        config = parser.parse_args(list(args))
    except ArgumentError as error:
        # A shell's wildcard may expand to such names.
        for arg in takewhile(lambda arg: arg != "--", args):
            if arg.startswith("-") and os.path.lexists(arg):
                raise UserError(f"{arg} looks like an option: give the file as ./{arg}, or after --.", 2) from error
        raise short_error(str(error), parser) from error
    return function(**parser.instantiate(config).as_dict()) or 0


def _options(parameter: inspect.Parameter) -> dict[str, Any]:
    """Return argparse options for parameters that jsonargparse adds wrongly; empty for all others."""
    kind, default = parameter.annotation, parameter.default
    if kind is str and default == "":
        # Positional, as in `report cnn/version_0`.
        return {"type": str, "nargs": "?", "default": ""}
    if get_origin(kind) is Sequence and default is parameter.empty:
        # jsonargparse expects a list in brackets; a shell's wildcard gives one argument for each file.
        (kind,) = get_args(kind)
        return {"type": PATH if kind is Path else kind, "nargs": "+"}
    if kind in {Path, Path | None}:
        return {"type": PATH} | ({} if default is parameter.empty else {"default": default})
    return {}


class _PlainPath:
    """Type of a path: jsonargparse would parse it as YAML, and fail on bytes that are not UTF-8."""

    def __call__(self, arg: str) -> Path:
        if not arg:
            raise ArgumentTypeError("an empty text is not a file or folder; '.' is the working folder")
        return user_path(arg)

    def __repr__(self) -> str:
        return "path"  # in the help


PATH = _PlainPath()
