"""Training and validation images for the verification and quantisation of an export."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.runs.checkpoint import DATA_KEY, Checkpoint
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.arrays import Images
    from xray.data.image_data import ImageData


def training_data(checkpoint: Checkpoint, root: Path | None) -> "ImageData":
    """Return the data that a checkpoint was trained with, set up for fit.

    Args:
        checkpoint: The checkpoint.
        root: Current folder or table of the data; None for what the checkpoint's config names.

    Raises:
        UserError: The data is missing or invalid, or its validation images are not those of the training.
    """
    from xray.data.batched_images import BatchedImages
    from xray.data.split_record import fingerprint
    from xray.runs.training_data import build_data

    given: dict[str, Any] = {"root": str(root)} if root else {}
    if root and "index" in checkpoint.data_settings:
        given["index"] = None  # the same images elsewhere: with test_fraction, also the same split
    data = build_data(checkpoint, given)
    source = f"--data_root {root}" if root else f"The training data {data.source_name}"
    fix = "give the current folder or table of the training data with --data_root DIR."
    path = Path(data.source_name)
    if not path.exists() and not isinstance(data, BatchedImages):
        raise UserError(f"{source} does not exist: {fix}")
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


def evenly_spaced_images(data: "ImageData", split: str, max_count: int) -> "Images":
    """Return up to `max_count` evenly spaced images of a split, shape (images, size, size), uint8."""
    return data.grey_images(split, evenly_spaced(len(data.images[split]), max_count))


def evenly_spaced_files(data: "ImageData", split: str, max_count: int) -> Sequence[str]:
    """Return up to `max_count` evenly spaced files of a split."""
    files = [file for file in data.files(split) if Path(file).is_file()]
    return [files[i] for i in evenly_spaced(len(files), max_count)]
