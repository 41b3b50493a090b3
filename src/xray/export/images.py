"""Training and validation images for the verification and quantisation of an export."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.runs.checkpoint import DATA_KEY, Checkpoint
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.arrays import Images
    from xray.data.datamodule import ChestXRayDataModule


def training_data(checkpoint: Checkpoint, root: Path | None) -> "ChestXRayDataModule":
    """Return the data that a checkpoint was trained with, set up for fit.

    Args:
        checkpoint: The checkpoint.
        root: Current folder of the data; None for the folder in the checkpoint's config.

    Raises:
        UserError: The data is missing or invalid, or its validation images are not those of the training.
    """
    from xray.data.datamodule import ChestXRayDataModule
    from xray.data.split_record import fingerprint

    folder = root or Path(checkpoint.config["data"]["root"])
    source = f"--data_root {folder}" if root else f"The training data {folder}"
    fix = "give the current folder of the training data with --data_root DIR."
    if not folder.is_dir():
        raise UserError(f"{source} {'is not a folder' if folder.exists() else 'does not exist'}: {fix}")
    # Augmentation is not used here.
    settings: dict[str, Any] = {key: value for key, value in checkpoint.config["data"].items() if key != "augmentation"}
    data = ChestXRayDataModule(**settings | {"root": folder})
    try:
        data.setup("fit")
    except UserError as error:
        raise UserError(f"{error} For this export, {fix}") from error
    record = checkpoint.record(DATA_KEY)
    if record and record["splits"]["val"]["fingerprint"] != fingerprint(data.images["val"]):
        raise UserError(f"{source} has other validation images than {checkpoint.path} was trained with: {fix}")
    return data


def evenly_spaced(total: int, max_count: int) -> list[int]:
    """Return up to `max_count` evenly spaced positions out of `total`."""
    count = min(max_count, total)
    return [i * total // count for i in range(count)]


def evenly_spaced_images(data: "ChestXRayDataModule", split: str, max_count: int) -> "Images":
    """Return up to `max_count` evenly spaced images of a split, shape (images, size, size), uint8."""
    return data.grey_images(split, evenly_spaced(len(data.images[split]), max_count))


def evenly_spaced_files(data: "ChestXRayDataModule", split: str, max_count: int) -> Sequence[str]:
    """Return up to `max_count` evenly spaced files of a split."""
    files = data.files(split)
    return [files[i] for i in evenly_spaced(len(files), max_count)]
