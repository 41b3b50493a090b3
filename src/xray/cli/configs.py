"""The config files that a command line names."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from xray.errors import UserError


def named_configs(words: Sequence[str]) -> list[Path]:
    """Paths after --config or -c, in their order."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--config", action="append", default=[])
    named, _ = parser.parse_known_args(list(words))
    return [Path(path) for path in named.config]


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
