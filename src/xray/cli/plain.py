"""Commands that are typed functions: their signature is their command line."""

import inspect
import os
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, get_args, get_origin

from docstring_parser import parse
from jsonargparse import ArgumentError, ArgumentParser

from xray.cli.error_messages import explain
from xray.utils.errors import UserError


def run_plain_command(name: str, function: Callable[..., int | None], words: Sequence[str]) -> int:
    """Parse the words by the function's signature, and call it.

    Args:
        name: Name of the command.
        function: Parameters without a default are positional, and a text that is empty by default; a sequence among
            them takes any number of words. Its docstring is the help.
        words: The command line after the command's name.

    Returns:
        The exit status.

    Raises:
        UserError: The words do not fit, or the function says so.
    """
    parser = ArgumentParser(prog=f"python -m xray {name}", exit_on_error=False, allow_abbrev=False)
    told = {parameter.arg_name: parameter.description for parameter in parse(function.__doc__ or "").params}
    added: set[str | int] = set()
    for parameter in inspect.signature(function).parameters.values():
        if options := _options(parameter):
            name = parameter.name if parameter.default in {parameter.empty, ""} else f"--{parameter.name}"
            parser.add_argument(name, **options, help=told.get(parameter.name))
            added.add(parameter.name)
    parser.add_function_arguments(function, as_group=False, as_positional=True, skip=added)
    parser.description = (function.__doc__ or "").partition("Args:")[0].strip()
    try:
        config = parser.parse_args(list(words))
    except ArgumentError as error:
        # A shell's wildcard gives such names.
        for word in takewhile(lambda word: word != "--", words):
            if word.startswith("-") and os.path.lexists(word):
                raise UserError(f"{word} begins as options do: name the file as ./{word}, or after --.", 2) from error
        raise explain(str(error), parser) from error
    return function(**parser.instantiate(config).as_dict()) or 0


def _options(parameter: inspect.Parameter) -> dict[str, Any]:
    """How a parameter is added to the parser where jsonargparse's own way does not fit; empty where it does."""
    kind, default = parameter.annotation, parameter.default
    if kind is str and default == "":
        # It stands alone, too, as in `report cnn/version_0`.
        return {"type": str, "nargs": "?", "default": ""}
    if get_origin(kind) is Sequence and default is parameter.empty:
        # jsonargparse would want them in brackets; a shell's wildcards give them one by one.
        (kind,) = get_args(kind)
        return {"type": PATH if kind is Path else kind, "nargs": "+"}
    if kind in {Path, Path | None}:
        return {"type": PATH} | ({} if default is parameter.empty else {"default": default})
    return {}


class _PathAsNamed:
    """Reads a path: jsonargparse would look for YAML in it, and fail on bytes that are no UTF-8."""

    def __call__(self, word: str) -> Path:
        if not word:
            raise ArgumentTypeError("an empty word names no file or folder; '.' is the working folder")
        return Path(word)

    def __repr__(self) -> str:
        return "path"  # in the help


PATH = _PathAsNamed()
