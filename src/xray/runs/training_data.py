"""Build the data module of a checkpoint."""

import numbers
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from jsonargparse.typing import register_type
from lightning.pytorch import LightningDataModule

from xray.data.batched_images import as_image_data
from xray.data.datamodule import ChestXRayDataModule
from xray.data.image_data import ImageData
from xray.runs.checkpoint import Checkpoint
from xray.utils.class_description import arguments, path_of
from xray.utils.errors import user_error_in

DATA_CLASS = path_of(ChestXRayDataModule)


def _number(value: Any) -> Any:  # noqa: ANN401 - a value of a config
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    return value


# The type of many arguments of torchvision's transforms, which jsonargparse could not write into a saved config.
register_type(numbers.Number, serializer=_number, deserializer=_number)


def data_parser() -> ArgumentParser:
    """Return a parser of the key `data` of a config."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningDataModule, "data")
    parser.set_defaults({"data": {"class_path": DATA_CLASS}})
    return parser


def build_data(checkpoint: Checkpoint, changed: Mapping[str, Any]) -> ImageData:
    """Build the data module that a checkpoint was trained with, not set up yet.

    Args:
        checkpoint: The checkpoint.
        changed: Settings that differ from the training, by their names.

    Raises:
        UserError: A setting is invalid.
        ArgumentError: The data module does not take the settings.
    """
    data = deepcopy(checkpoint.config["data"])
    if "class_path" not in data:
        data = {"class_path": DATA_CLASS, "init_args": data}
    data["init_args"] = arguments(data) | dict(changed)
    parser = data_parser()
    try:
        return as_image_data(parser.instantiate(parser.parse_object({"data": data})).data)
    except ArgumentError as error:
        if user_error := user_error_in(error):
            raise user_error from error
        raise
