"""Commands that are typed functions: their signature is their command line."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

from docstring_parser import parse
from jsonargparse import ArgumentError, ArgumentParser

from xray.cli.mistakes import explain


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
        options: dict[str, Any] = {}
        if parameter.default is parameter.empty and get_origin(parameter.annotation) is Sequence:
            # jsonargparse would want them in brackets; a shell's wildcards give them one by one.
            options = {"type": get_args(parameter.annotation)[0], "nargs": "+"}
        elif parameter.annotation is str and parameter.default == "":
            # It stands alone, too, as in `report cnn/version_0`.
            options = {"type": str, "nargs": "?", "default": ""}
        if options:
            parser.add_argument(parameter.name, **options, help=told.get(parameter.name))
            added.add(parameter.name)
    parser.add_function_arguments(function, as_positional=True, skip=added)
    parser.description = (function.__doc__ or "").partition("Args:")[0].strip()
    try:
        config = parser.parse_args(list(words))
    except ArgumentError as error:
        raise explain(str(error), parser) from error
    return function(**parser.instantiate_classes(config).as_dict()) or 0
