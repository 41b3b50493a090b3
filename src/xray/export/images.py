"""The images that an export is verified and quantised on: those that the model was trained and validated on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.runs.checkpoint import DATA_KEY, Checkpoint
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.arrays import Images
    from xray.data.datamodule import ChestXRayDataModule


def training_data(checkpoint: Checkpoint, root: Path | None) -> "ChestXRayDataModule":
    """The data that a checkpoint was trained with, set up for fit.

    Args:
        checkpoint: The checkpoint.
        root: Where the data lies now; None for where it lay then.

    Raises:
        UserError: It is not there, not as it should be, or others than those that the model was validated on.
    """
    from xray.data.datamodule import ChestXRayDataModule
    from xray.data.split_record import fingerprint

    where = root or Path(checkpoint.config["data"]["root"])
    named = f"--data_root {where}" if root else f"The data of the training, {where},"
    mend = "name the folder of the training as it lies now with --data_root DIR."
    if not where.is_dir():
        raise UserError(f"{named} is {'no folder' if where.exists() else 'not there'}: {mend}")
    # Augmentation has no part in this.
    settings: dict[str, Any] = {key: value for key, value in checkpoint.config["data"].items() if key != "augmentation"}
    data = ChestXRayDataModule(**settings | {"root": where})
    try:
        data.setup("fit")
    except UserError as error:
        raise UserError(f"{error} For this export, {mend}") from error
    record = checkpoint.record(DATA_KEY)
    if record and record["splits"]["val"]["fingerprint"] != fingerprint(data.images["val"]):
        raise UserError(f"{named} gives other validation images than those of {checkpoint.path}: {mend}")
    return data


def spread(images: int, most: int) -> list[int]:
    """At most so many positions, evenly spread over a table of images."""
    return [i * images // min(most, images) for i in range(min(most, images))]


def some_images(data: "ChestXRayDataModule", split: str, most: int) -> "Images":
    """Images of a split, evenly spread, shape (at most `most`, size, size)."""
    return data.grey_images(split, spread(len(data.images[split]), most))


def some_files(data: "ChestXRayDataModule", split: str, most: int) -> Sequence[str]:
    """Files of a split, evenly spread."""
    files = data.files(split)
    return [files[i] for i in spread(len(files), most)]
