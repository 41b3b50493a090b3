"""Index, check and decode the images of a data set's folders."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from xray.data.arrays import Images
from xray.data.cache.reader import ImageReader
from xray.data.cache.store import Rows
from xray.data.index.folders import ROOT_FOLDER, ImageRecord, holds_classes, index_images
from xray.data.index.split_folders import split_folders
from xray.data.split import find_overlaps
from xray.utils.errors import UserError
from xray.utils.text import printable

Unreadable = Literal["stop", "skip"]
Overlaps = Literal["reject", "accept"]


class ImageSource:
    """The folders of a data set, with the settings of `xray.data.datamodule.ChestXRayDataModule` that concern them."""

    def __init__(
        self,
        root: Path,
        class_names: Sequence[str],
        patient_pattern: str,
        reader: ImageReader,
        unreadable: Unreadable,
        overlaps: Overlaps,
    ) -> None:
        self.root = root
        self.class_names = class_names
        self.patient_pattern = patient_pattern
        self.reader = reader
        self.unreadable = unreadable
        self.overlaps = overlaps
        self.notes: list[str] = []
        """Notes on the data for readers of the run: skipped images, accepted overlaps."""

    def has(self, folder: str) -> bool:
        """Return whether the root has a folder of that split, by any of its names."""
        return folder in split_folders(self.root)

    def folder_or_root(self, folder: str) -> str:
        """Return the folder, or `ROOT_FOLDER` if the root holds the class folders itself, as other sources often do."""
        return ROOT_FOLDER if not self.has(folder) and holds_classes(self.root, self.class_names) else folder

    def index(self, folders: Sequence[str]) -> list[ImageRecord]:
        """List the images of some folders, sorted by path.

        Raises:
            UserError: A folder or a class folder is missing.
        """
        images = index_images(
            self.root, folders, self.class_names, self.patient_pattern, self.reader.hash_files, self.note
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
        overlaps = find_overlaps(first, second)
        if not overlaps:
            return
        listed = "; ".join(overlaps[:5]) + (f"; and {len(overlaps) - 5} more" if len(overlaps) > 5 else "")
        names = ["+".join(sorted({image.folder for image in side})) for side in (first, second)]
        sides = f"{first_name or names[0]} and {names[1]}"
        if self.overlaps == "reject":
            raise UserError(
                f"{self.root}: {sides} share patients or files: {listed}. Move them to one side, or accept the overlap "
                "with --data.overlaps accept."
            )
        self.note(f"Accepted: {sides} share patients or files: {listed}.")

    def decode(self, images: list[ImageRecord]) -> tuple[list[ImageRecord], Images, Rows]:
        """Return the readable images, an array of pixels, and the row of each image in it.

        Raises:
            UserError: A file cannot be decoded, and such files are not skipped.
        """
        paths, digests = [f"{self.root}/{image.path}" for image in images], [image.digest for image in images]
        pixels, rows, bad = self.reader.fetch(paths, digests)
        if bad:
            listed = [printable(f"{self.root / images[i].path}: {reason}") for i, reason in bad.items()]
            if self.unreadable == "stop":
                raise UserError(
                    f"{len(bad)} of {len(images)} images cannot be read; repair or remove them, or leave them out with "
                    "--data.unreadable skip:",
                    details=listed,
                )
            self.note("\n  ".join([f"Left out {len(bad)} of {len(images)} images that cannot be read:", *listed]))
        return [image for i, image in enumerate(images) if i not in bad], pixels, rows

    def require_both_classes(self, images: Sequence[ImageRecord], where: str) -> None:
        """Reject images that lack a class.

        Raises:
            UserError: A class has no image.
        """
        for label, name in enumerate(self.class_names):
            if not any(image.label == label for image in images):
                raise UserError(f"{self.root}: no readable image of class {name} for {where}; each class needs some.")

    def note(self, note: str) -> None:
        """Add a note to the run and issue it as a warning, unless it was added before."""
        if note not in self.notes:
            self.notes.append(note)
            warnings.warn(note, stacklevel=3)
