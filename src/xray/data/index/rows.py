"""An index of rows, one for each image: the base of tables and of an index of one's own."""

import os
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from xray.data.index.base import NO_COLUMNS, ROOT_FOLDER, HashFiles, ImageIndex, ImageRecord, Note, no_note
from xray.data.index.dicom_patients import is_dicom_name, patients_by_tag
from xray.data.index.patients import compile_pattern, patient_of
from xray.data.index.split_folders import FOLDER_NAMES, SPLITS
from xray.utils.errors import UserError
from xray.utils.text import printable

NUMBERS: Final = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}
"""Labels, in lower case, that stand for the first and the second class."""


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image of a data set.

    Args:
        path: The file: below the index's root, or an absolute path.
        label: Name of its class, or 0 or 1 for the first or second class.
        patient: The patient, the same in all splits. Either all rows have one, or none.
        split: train, val or test. Either all rows have one, or none.
        columns: What else is known, such as {"sex": "F"}: subgroups in the report, never an input of the model.
    """

    path: str
    label: str
    patient: str = ""
    split: str = ""
    columns: Mapping[str, str] = field(default_factory=lambda: NO_COLUMNS)


class RowIndex(ImageIndex):
    """Base class of an index that knows each image as an `ImageRow`; a subclass has `rows`."""

    root = Path()

    @abstractmethod
    def rows(self) -> Iterable[ImageRow]:
        """Return a row for each image; called once."""

    @property
    def searched(self) -> Sequence[Path]:
        """Folders in which relative paths were looked for, for messages."""
        return [self.root]

    def has(self, split: str) -> bool:
        """See `ImageIndex.has`."""
        return split in self._splits

    def is_undivided(self, class_names: Sequence[str]) -> bool:  # noqa: ARG002 - the interface
        """See `ImageIndex.is_undivided`."""
        return not any(self._splits)

    def records(
        self,
        splits: Sequence[str],
        class_names: Sequence[str],
        patient_pattern: str,
        hash_files: HashFiles,
        note: Note = no_note,  # noqa: ARG002 - nothing is left out
    ) -> list[ImageRecord]:
        """See `ImageIndex.records`."""
        pattern = compile_pattern(patient_pattern)
        labels = [self._label(i, row.label, class_names) for i, row in enumerate(self._checked_rows)]
        wanted = [i for i, split in enumerate(self._splits) if (split or ROOT_FOLDER) in splits]
        for split in splits:
            if not any((self._splits[i] or ROOT_FOLDER) == split for i in wanted):
                raise self._no_split(split)
        digests = hash_files([os.path.join(self.root, self._checked_rows[i].path) for i in wanted])  # noqa: PTH118
        images = []
        for i, digest in zip(wanted, digests, strict=True):
            row = self._checked_rows[i]
            tagged = self._tagged_patients.get(row.path, "")
            found = (row.patient, row.patient) if row.patient else patient_of(row.path, pattern)
            identity, group = found or (tagged or row.path, tagged or row.path)
            folder = self._splits[i] or Path(self.name).name
            known = bool(found or tagged)
            images.append(ImageRecord(row.path, folder, labels[i], identity, group, digest, known, row.columns))
        return sorted(images, key=lambda image: image.path)

    @cached_property
    def _checked_rows(self) -> list[ImageRow]:
        """The rows; each file exists and is named once, and patients are known for all or none."""
        rows = list(self.rows())
        if not rows:
            raise UserError(f"{self.name} lists no images: give one row for each.")
        self._reject_some_empty("patient", [row.patient for row in rows])
        seen: dict[str, int] = {}
        missing = []
        for i, row in enumerate(rows):
            file = os.path.normpath(os.path.join(self.root, row.path))  # noqa: PTH118 - there may be many
            if (first := seen.setdefault(file, i)) != i:
                raise UserError(
                    f"{self.place(i)}: {printable(row.path)} is also in row {self.row_number(first)}: each image needs "
                    "one row."
                )
            if not row.path or not os.path.isfile(file):  # noqa: PTH113
                missing.append(i)
        if missing:
            folders = ", ".join(str(folder) for folder in self.searched)
            others = f" ({len(missing)} of {len(rows)} files are missing)" if len(missing) > 1 else ""
            raise UserError(
                f"{self.place(missing[0])}: {printable(rows[missing[0]].path) or 'an empty path'} is not a file below "
                f"{folders}{others}: correct the paths, or give the folders that they start in (roots)."
            )
        return rows

    @cached_property
    def _splits(self) -> list[str]:
        """The split of each row; all are empty in an undivided data set."""
        names = [row.split.strip() for row in self._checked_rows]
        self._reject_some_empty("split", names)
        for i, name in enumerate(names):
            if name and name.lower() not in FOLDER_NAMES:
                raise UserError(f"{self.place(i)}: the split {name!r} is none of {', '.join(FOLDER_NAMES)}.")
        return [FOLDER_NAMES.get(name.lower(), "") for name in names]

    @cached_property
    def _tagged_patients(self) -> dict[str, str]:
        """Patients in the tags of DICOM files, by path, if the rows have none."""
        unnamed = [row.path for row in self._checked_rows if not row.patient and is_dicom_name(row.path)]
        return patients_by_tag(self.root, unnamed) if unnamed else {}

    def _label(self, i: int, text: str, class_names: Sequence[str]) -> int:
        name = text.strip()
        if name in class_names:
            return class_names.index(name)
        lower = [class_name.lower() for class_name in class_names]
        if lower.count(name.lower()) == 1:
            return lower.index(name.lower())
        if name.lower() in NUMBERS:
            return NUMBERS[name.lower()]
        raise UserError(
            f"{self.place(i)}: the label {name!r} is neither a class ({', '.join(class_names)}) nor 0 or 1: correct "
            "it, or set data.class_names."
        )

    def _reject_some_empty(self, name: str, values: Collection[str]) -> None:
        """Reject a column that is empty in some rows and filled in others."""
        empty = [i for i, value in enumerate(values) if not value]
        if empty and len(empty) < len(values):
            raise UserError(
                f"{self.place(empty[0])}: the {name} is empty ({len(empty)} of {len(values)} rows): fill in all "
                "rows, or none."
            )

    def _no_split(self, split: str) -> UserError:
        if split == ROOT_FOLDER or any(self._splits):
            found = ", ".join(name for name in SPLITS if self.has(name))
            return UserError(f"{self.name} has no rows of split {split} (found: {found}).")
        return UserError(
            f"{self.name} has no splits: add a column split with train, val and test, or let patients be drawn for "
            "testing with --data.test_fraction 0.2."
        )

    def place(self, i: int) -> str:
        """Return what messages call a row."""
        return f"{self.name}, row {self.row_number(i)}"

    def row_number(self, i: int) -> int:
        """Return the number of a row for people."""
        return i + 1
