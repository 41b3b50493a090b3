"""Index, check and decode the images of a data set."""

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Literal

from xray.data.arrays import Images
from xray.data.cache.reader import ImageReader
from xray.data.cache.store import Rows
from xray.data.index.base import ROOT_FOLDER, ImageIndex, ImageRecord
from xray.data.split import find_overlaps
from xray.utils.errors import UserError
from xray.utils.text import printable

Unreadable = Literal["stop", "skip"]
Overlaps = Literal["reject", "accept"]


class ImageSource:
    """An index of images, with the settings of `xray.data.datamodule.ChestXRayDataModule` that concern them."""

    def __init__(
        self,
        index: ImageIndex,
        class_names: Sequence[str],
        patient_pattern: str,
        reader: ImageReader,
        unreadable: Unreadable,
        overlaps: Overlaps,
    ) -> None:
        self.image_index = index
        self.class_names = class_names
        self.patient_pattern = patient_pattern
        self.reader = reader
        self.unreadable = unreadable
        self.overlaps = overlaps
        self.notes: list[str] = []
        """Notes on the data for readers of the run: skipped images, accepted overlaps."""

    def has(self, split: str) -> bool:
        """Return whether there is a split of that name."""
        return self.image_index.has(split)

    def split_or_all(self, split: str) -> str:
        """Return the split, or `ROOT_FOLDER` if the images are not divided into splits, as in other sources often."""
        return ROOT_FOLDER if not self.has(split) and self.image_index.is_undivided(self.class_names) else split

    def index(self, splits: Sequence[str]) -> list[ImageRecord]:
        """List the images of some splits, sorted by path.

        Raises:
            UserError: A split or a class is missing.
        """
        images = self.image_index.records(
            splits, self.class_names, self.patient_pattern, self.reader.hash_files, self.note
        )
        unnamed = [image.path for image in images if not image.named]
        if unnamed and not any("no recognisable patient" in note for note in self.notes):
            self.note(
                f"{len(unnamed)} of {len(images)} images have no recognisable patient in their names (first: "
                f"{unnamed[0]}): each counts as a patient of its own. Set data.patient_pattern if the names have one."
            )
        return images

    def reject_overlaps(
        self, first: Sequence[ImageRecord], second: Sequence[ImageRecord], first_name: str = ""
    ) -> None:
        """Reject, or accept with a note, two sides that share patients or files.

        Raises:
            UserError: The sides overlap, and overlaps are rejected.
        """
        mend = "Move them to one side, or accept the overlap with --data.overlaps accept"
        check_overlaps(first, second, first_name, self.image_index.name, self.overlaps, self.note, mend)

    def decode(self, images: list[ImageRecord]) -> tuple[list[ImageRecord], Images, Rows]:
        """Return the readable images, an array of pixels, and the row of each image in it.

        Raises:
            UserError: A file cannot be decoded, and such files are not skipped.
        """
        paths, digests = [self.file(image) for image in images], [image.digest for image in images]
        pixels, rows, bad = self.reader.fetch(paths, digests)
        if bad:
            listed = [printable(f"{self.file(images[i])}: {reason}") for i, reason in bad.items()]
            if self.unreadable == "stop":
                raise UserError(
                    f"{len(bad)} of {len(images)} images cannot be read; repair or remove them, or leave them out with "
                    "--data.unreadable skip:",
                    details=listed,
                )
            self.note("\n  ".join([f"Left out {len(bad)} of {len(images)} images that cannot be read:", *listed]))
        return [image for i, image in enumerate(images) if i not in bad], pixels, rows

    def file(self, image: ImageRecord) -> str:
        """Return the path of an image's file."""
        return os.path.join(self.image_index.root, image.path)  # noqa: PTH118 - there may be many

    def require_both_classes(self, images: Sequence[ImageRecord], where: str) -> None:
        """Reject images that lack a class.

        Raises:
            UserError: A class has no image.
        """
        for label, name in enumerate(self.class_names):
            if not any(image.label == label for image in images):
                raise UserError(
                    f"{self.image_index.name}: no readable image of class {name} for {where}; each class needs some."
                )

    def note(self, note: str) -> None:
        """Add a note to the run and issue it as a warning, unless it was added before."""
        if note not in self.notes:
            self.notes.append(note)
            warnings.warn(note, stacklevel=3)


def check_overlaps(
    first: Sequence[ImageRecord],
    second: Sequence[ImageRecord],
    first_name: str,
    source_name: str,
    overlaps: Overlaps,
    note: Callable[[str], None],
    mend: str,
) -> None:
    """Reject, or accept with a note, two sides that share patients or files.

    Args:
        first: Images of one side.
        second: Images of the other.
        first_name: What to call the first side; by default the names of its splits.
        source_name: What to call the data set.
        overlaps: What to do.
        note: Adds a note to the run.
        mend: What to do about it, for the message.

    Raises:
        UserError: The sides overlap, and overlaps are rejected.
    """
    found = find_overlaps(first, second)
    if not found:
        return
    listed = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
    names = ["+".join(sorted({image.folder for image in side})) for side in (first, second)]
    sides = f"{first_name or names[0]} and {names[1]}"
    if overlaps == "reject":
        raise UserError(f"{source_name}: {sides} share patients or files: {listed}. {mend}.")
    note(f"Accepted: {sides} share patients or files: {listed}.")
