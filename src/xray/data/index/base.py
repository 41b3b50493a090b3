"""What a data set consists of: images with label, patient and split, whatever they are listed in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from xray.utils.files import StrPath

ROOT_FOLDER: Final = "."
"""Stands for the images that belong to no split, in place of train, val or test."""
CLASS_NAMES: Final = ("NORMAL", "PNEUMONIA")
"""The classes unless a config names others; the second one is positive."""
NO_COLUMNS: Final[Mapping[str, str]] = {}
"""Shared by all images without further columns, of which there may be many."""

HashFiles = Callable[[Sequence[StrPath]], Sequence[str]]
"""Returns the hash of each file, such as `xray.data.cache.hashing.FileDigests`."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of the index."""

    path: str
    """Path below the index's root, with forward slashes: `train/NORMAL/IM-0115-0001.jpeg`; or an absolute path."""
    folder: str
    """train, val or test, or the data set's name if it is not divided into them."""
    label: int
    """Position of its class in the class names."""
    patient: str
    """Identity used for counts, confidence intervals and leakage checks."""
    group: str
    """Unit that a split keeps together, see `xray.data.index.patients.Patient`."""
    digest: str
    """Hash of the file's bytes, equal for identical files."""
    named: bool
    """Whether the patient is known (from a table, file name or DICOM tags); if not, the image counts as its own."""
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS, compare=False)
    """What else is known of the image, such as age, sex or device; a model never sees it."""


Note = Callable[[str], None]
"""Adds a note to the run, such as on files that were left out."""


def no_note(text: str) -> None:
    """Note nothing."""


class ImageIndex(ABC):
    """Lists the images of a data set.

    For an index of your own, subclass `xray.data.index.rows.RowIndex`, which needs one method.
    """

    root: Path
    """Folder that relative paths start in."""

    @property
    def name(self) -> str:
        """What messages and records call the data set."""
        return str(self.root)

    @abstractmethod
    def has(self, split: str) -> bool:
        """Return whether the data set has a split of its own named train, val or test."""

    @abstractmethod
    def is_undivided(self, class_names: Sequence[str]) -> bool:
        """Return whether its images belong to no split."""

    @abstractmethod
    def records(
        self,
        splits: Sequence[str],
        class_names: Sequence[str],
        patient_pattern: str,
        hash_files: HashFiles,
        note: Note = no_note,
    ) -> list[ImageRecord]:
        """List the images of some splits, sorted by path.

        Args:
            splits: Of train, val and test, or only `ROOT_FOLDER` for an undivided data set.
            class_names: Names of the classes, in the order of their labels.
            patient_pattern: Finds the patient in a path where nothing else names it, see
                `xray.data.index.patients.compile_pattern`.
            hash_files: Returns the hash of each file.
            note: Called with what was left out.

        Raises:
            UserError: A split, a class or a file is missing, or the data set is not as it should be.
        """
