"""The config files that a command line names."""

from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from xray.utils.errors import UserError


def named_configs(words: Sequence[str]) -> list[Path]:
    """Paths after --config or -c, in their order.

    Raises:
        UserError: One lacks its value.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--config", action="append", default=[])
    return [Path(path) for path in parse_known(parser, words).config]


def parse_known(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse what the parser knows of a command line.

    Raises:
        UserError: An option lacks its value.
    """
    try:
        return parser.parse_known_args(list(words))[0]
    except ArgumentError as error:
        raise UserError(f"{error}.", status=2) from None


def read_config(path: Path) -> dict[str, Any]:
    """Read a config file.

    Raises:
        UserError: It does not exist, or holds no mapping.
    """
    if not path.is_file():
        raise UserError(f"The config file {path} does not exist.", status=2)
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"The config file {path} is no YAML: {reason[:200]}", status=2) from error
    if not isinstance(config, dict):
        raise UserError(f"The config file {path} holds no keys: start from one in configs/.", status=2)
    return config
