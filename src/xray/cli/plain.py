"""Commands that are typed functions: their signature is their command line."""

import inspect
from collections.abc import Callable, Sequence
from typing import get_args, get_origin

from jsonargparse import ArgumentError, ArgumentParser

from xray.cli.mistakes import explain


def run_plain_command(name: str, function: Callable[..., int | None], words: Sequence[str]) -> int:
    """Parse the words by the function's signature, and call it.

    Args:
        name: Name of the command.
        function: Parameters without a default are positional, a sequence among them takes any number of words; its
            docstring is the help.
        words: The command line after the command's name.

    Returns:
        The exit status.

    Raises:
        UserError: The words do not fit, or the function says so.
    """
    parser = ArgumentParser(prog=f"python -m xray {name}", exit_on_error=False, allow_abbrev=False)
    lists = {
        parameter.name: get_args(parameter.annotation)[0]
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and get_origin(parameter.annotation) is Sequence
    }
    for parameter, kind in lists.items():
        # jsonargparse would want them in brackets; a shell's wildcards give them one by one.
        parser.add_argument(parameter, type=kind, nargs="+", help="Any number of them.")
    parser.add_function_arguments(function, as_positional=True, skip=set(lists))
    parser.description = (function.__doc__ or "").partition("Args:")[0].strip()
    try:
        config = parser.parse_args(list(words))
    except ArgumentError as error:
        raise explain(str(error), parser) from error
    return function(**parser.instantiate_classes(config).as_dict()) or 0
