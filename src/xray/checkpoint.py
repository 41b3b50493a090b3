"""A checkpoint is whole: with it alone a grey film becomes a decision."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from xray.errors import UserError, user_error_in

if TYPE_CHECKING:
    from xray.models.base import FilmClassifier

CONFIG_KEY = "xray_config"
"""Key of a checkpoint under which the run's config lies, as YAML."""

TRAINED_KEY = "xray_trained_films"
"""Key under which the films lie that its weights have seen, see `xray.data.record.trained_films`."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read from disk.

    Args:
        path: Where it was.
        config: The config of the run that made it.
        content: All that Lightning stored.
    """

    path: Path
    config: dict[str, Any]
    content: dict[str, Any]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running code from it.

    Raises:
        UserError: It is missing, truncated, no checkpoint, or none of ours.
    """
    import torch

    if not path.is_file():
        raise UserError(f"The checkpoint {path} does not exist: name a file that 'python -m xray fit' has written.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as a checkpoint: it is truncated, damaged or something else. Name a best.ckpt or "
            "last.ckpt that 'python -m xray fit' has written."
        ) from error
    if not isinstance(content, dict) or "state_dict" not in content or CONFIG_KEY not in content:
        raise UserError(
            f"{path} is no checkpoint of xray (it carries no run config): name one that 'python -m xray fit' wrote."
        )
    return Checkpoint(path, yaml.safe_load(content[CONFIG_KEY]), content)


def load_classifier(checkpoint: Checkpoint) -> "FilmClassifier":
    """Build the model of a checkpoint, ready to predict on the processor.

    Raises:
        UserError: The config in it does not describe a model of this version, or the weights do not fit it.
    """
    from jsonargparse import ArgumentError, ArgumentParser

    from xray.models.base import FilmClassifier

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(FilmClassifier, "model")
    try:
        config = parser.parse_object({"model": checkpoint.config["model"]})
        model: FilmClassifier = parser.instantiate_classes(config).model
    except (ArgumentError, KeyError, ValueError) as error:
        if known := user_error_in(error):
            raise known from error
        named = checkpoint.config.get("model", {}).get("class_path", "no model")
        raise UserError(
            f"{checkpoint.path} was made by another version of xray: its model {named} cannot be built as its config "
            "says. Use the version that made it, or train anew."
        ) from error
    load_weights(model, checkpoint)
    return model.eval()


def load_weights(model: "FilmClassifier", checkpoint: Checkpoint) -> None:
    """Give a model the weights of a checkpoint.

    Raises:
        UserError: They belong to another model.
    """
    own, stored = model.state_dict(), checkpoint.content["state_dict"]
    odd = sorted(own.keys() ^ stored.keys()) or sorted(key for key in own if own[key].shape != stored[key].shape)
    if odd:
        made_by = checkpoint.config["model"]["class_path"].rpartition(".")[2]
        raise UserError(
            f"{checkpoint.path} holds another model ({made_by}) than the config's {type(model).__name__}: {len(odd)} "
            f"tensors differ, the first is {odd[0]}. Give the config that it was trained with, or none."
        )
    model.load_state_dict(stored)
