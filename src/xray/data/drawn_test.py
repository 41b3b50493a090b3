"""Draw test patients from a data set that has no test split."""

from collections.abc import Sequence
from dataclasses import replace

from xray.data.index.base import ROOT_FOLDER, HashFiles, ImageIndex, ImageRecord, Note, no_note
from xray.data.split import SplitMethod, split_by_patient
from xray.utils.errors import UserError


class DrawnTest(ImageIndex):
    """An index without a test split, of which whole patients are drawn for testing; the others are train and val.

    The same images, fraction, method and seed always give the same test patients, so fit and test agree.

    Args:
        index: The data set: undivided, or with train and maybe val.
        fraction: Share of its images for testing.
        method: How patients are drawn, see `xray.data.split.split_by_patient`.
        seed: Seed of the draw.
    """

    def __init__(self, index: ImageIndex, fraction: float, method: SplitMethod, seed: int) -> None:
        self.index = index
        self.root = index.root
        self.fraction = fraction
        self.method = method
        self.seed = seed

    @property
    def name(self) -> str:
        """See `ImageIndex.name`."""
        return self.index.name

    def has(self, split: str) -> bool:
        """See `ImageIndex.has`."""
        return split != "val" or self.index.has("val")

    def is_undivided(self, class_names: Sequence[str]) -> bool:  # noqa: ARG002 - the interface
        """Return False: train and test are drawn."""
        return False

    def records(
        self,
        splits: Sequence[str],
        class_names: Sequence[str],
        patient_pattern: str,
        hash_files: HashFiles,
        note: Note = no_note,
    ) -> list[ImageRecord]:
        """See `ImageIndex.records`."""
        if self.index.has("test"):
            raise UserError(
                f"{self.name} has a test split, so none is drawn: leave data.test_fraction at 0, or remove that split."
            )
        undivided = not self.index.has("train") and self.index.is_undivided(class_names)
        existing = [ROOT_FOLDER] if undivided else [split for split in ("train", "val") if self.has(split)]
        images = self.index.records(existing, class_names, patient_pattern, hash_files, note)
        in_test = split_by_patient(images, self.fraction, self.method, self.seed, "data.test_fraction")
        drawn = [
            replace(image, folder="test" if test else "train" if undivided else image.folder)
            for image, test in zip(images, in_test, strict=True)
        ]
        return [image for image in drawn if image.folder in splits]
