"""Read the options and config files that are needed before the parser is built."""

from argparse import ArgumentError, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xray.runs.data_settings import data_settings
from xray.utils.errors import UserError
from xray.utils.files import user_path
from xray.utils.imports import import_modules

if TYPE_CHECKING:
    from xray.runs.checkpoint import Checkpoint


def early_options(args: Sequence[str]) -> Namespace:
    """Look up the options that lead to a checkpoint, whose config is the default of all other options.

    Args:
        args: The command line after the command.

    Returns:
        `configs` (list of paths), and `ckpt_path`, `imports`, `name`, `root` and `checkpoints` (None where missing).

    Raises:
        UserError: One of them lacks its value.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--config", action="append", default=[], type=user_path, dest="configs")
    parser.add_argument("--ckpt_path")
    parser.add_argument("--imports", type=yaml.safe_load)
    for name in ("name", "root", "checkpoints"):
        parser.add_argument(f"--run.{name}", dest=name)
    try:
        return parser.parse_known_args(list(args))[0]
    except ArgumentError as error:
        raise UserError(str(error).replace(": expected one argument", " needs a value") + ".", status=2) from None


def import_early(options: Namespace, checkpoint: "Checkpoint | None") -> None:
    """Import the modules named by the command line, else by the last config that does, else by the checkpoint's.

    Before a parser is built, so that configs may name classes in them without their module.

    Args:
        options: The result of `early_options`.
        checkpoint: What is scored, if anything.

    Raises:
        UserError: A module cannot be imported.
    """
    if options.imports is not None:
        import_modules(options.imports, "the command line")
        return
    for path in reversed(options.configs):
        if "imports" in (config := read_config(path)):
            import_modules(config["imports"], path)
            return
    if checkpoint is not None:
        import_modules(checkpoint.config.get("imports"), checkpoint.path)


def given_data(args: Sequence[str]) -> dict[str, Any]:
    """Return `root` and `index` of the data as a command line and its config files give them, as far as they do.

    Raises:
        UserError: A config file cannot be read.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--data.root", "--data.init_args.root", dest="root")
    given: dict[str, Any] = {}
    for path in early_options(args).configs:
        data = read_config(path).get("data") or {}
        given |= {key: value for key, value in data_settings({"data": data}).items() if key in {"root", "index"}}
    if (root := parser.parse_known_args(list(args))[0].root) is not None:
        given = {"root": root}
    if any(arg.startswith(("--data.index", "--data.init_args.index")) for arg in args):
        given["index"] = "given"
    return given


def names_data_class(args: Sequence[str]) -> bool:
    """Return whether a command line or its config files name the class of the data module.

    Raises:
        UserError: A config file cannot be read.
    """
    options = ("--data", "--data.class_path")
    return any(arg.partition("=")[0] in options for arg in args) or any(
        "class_path" in (read_config(path).get("data") or {}) for path in early_options(args).configs
    )


def read_config(path: Path) -> dict[str, Any]:
    """Read a config file.

    Raises:
        UserError: It does not exist, or is not a YAML mapping.
    """
    if not path.is_file():
        raise UserError(f"The config file {path} does not exist.", status=2)
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"The config file {path} is not valid YAML: {reason[:200]}", status=2) from error
    if not isinstance(config, dict):
        raise UserError(f"The config file {path} has no keys: start from one in configs/.", status=2)
    for group in ("run", "trainer", "data"):
        value = config.get(group, {})
        if not isinstance(value, dict) and not (group == "data" and isinstance(value, str)):
            found = "nothing" if value is None else repr(value)
            raise UserError(
                f"{path}: below {group} there is {found}: write settings there, or remove {group}.", status=2
            )
    return config
