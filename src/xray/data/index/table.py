"""Images listed in a CSV or Parquet table."""

import csv
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from xray.data.index.rows import ImageRow, RowIndex
from xray.utils.errors import UserError, missing_extra
from xray.utils.files import user_path
from xray.utils.text import printable

TABLE_SUFFIXES: Final = (".csv", ".tsv", ".parquet")
SEPARATORS: Final = ",;\t"
IDENTIFYING: Final = {"id", "uid", "mrn", "accession", "name", "surname", "birth", "birthday", "dob", "ssn"}
"""Words in the names of columns that may identify a person."""
ROW_NUMBERS: Final = re.compile(r"Unnamed: \d+|index|__index_level_\d+__")
"""Names of the columns in which pandas writes the row numbers."""
MISSING: Final = {"", "nan", "na", "<na>", "none"}
"""Patients and splits, in lower case, that stand for a missing value."""


def is_table(path: Path) -> bool:
    """Return whether a path names a table of images by its suffix."""
    return path.suffix.lower() in TABLE_SUFFIXES


class TableIndex(RowIndex):
    """Images in a table with a row for each: path, label, and where known patient, split and anything else.

    Names of these columns and of the classes are found in any case. A column other than `patient` and `split` that is
    named must be there.

    Args:
        path: The table, CSV (separated by commas, semicolons or tabs) or Parquet.
        roots: Folders that relative paths start in, tried in this order; by default the table's folder.
        path_column: Column of the paths.
        label_column: Column of the class names, or of 0 and 1 for the first and second class.
        patient_column: Column of the patients. It may be missing: data.patient_pattern then looks in the paths.
        split_column: Column of train, val and test. It may be missing: give data.test_fraction, or only test on it.
        columns: Further columns, for subgroups in the report; by default all but those whose names may identify a
            person, such as patient_name or MRN. They are never an input of the model.
    """

    def __init__(
        self,
        path: Path,
        roots: list[Path] | None = None,
        path_column: str = "path",
        label_column: str = "label",
        patient_column: str = "patient",
        split_column: str = "split",
        columns: list[str] | None = None,
    ) -> None:
        self.path = user_path(path)
        self.roots = [user_path(root) for root in roots or [self.path.parent]]
        self.root = self.roots[0]
        self.path_column = path_column
        self.label_column = label_column
        self.patient_column = patient_column
        self.split_column = split_column
        self.columns = columns

    @property
    def name(self) -> str:
        """The table's path."""
        return str(self.path)

    @property
    def searched(self) -> Sequence[Path]:
        """See `RowIndex.searched`."""
        return self.roots

    def rows(self) -> Iterable[ImageRow]:
        """See `RowIndex.rows`."""
        header, values = self._table
        path, label = self._place(header, self.path_column), self._place(header, self.label_column)
        patient, split = self._place(header, self.patient_column), self._place(header, self.split_column)
        for argument, column, place in (
            ("path_column", self.path_column, path),
            ("label_column", self.label_column, label),
            # Without these, images of one patient, or test images, would be trained on in silence.
            ("patient_column", self.patient_column, 0 if self.patient_column == "patient" else patient),
            ("split_column", self.split_column, 0 if self.split_column == "split" else split),
        ):
            if place is None:
                raise UserError(
                    f"{self.path} has no column {column!r} (found: {printable(', '.join(header))}): rename one, or "
                    f"give its name with --data.index.init_args.{argument}."
                )
        further = {name: header.index(name) for name in self._further(header, {path, label, patient, split})}
        for i, row in enumerate(values.values()):
            if patient is not None and row[patient].strip().lower() in MISSING:
                raise UserError(
                    f"{self.place(i)}: the column {self.patient_column} is empty: fill it in, or remove the column if "
                    "patients are unknown."
                )
            if split is not None and row[split].strip().lower() in MISSING:
                raise UserError(f"{self.place(i)}: the column {self.split_column} is empty: fill it in.")
            yield ImageRow(
                path=self._found(row[path or 0].strip()),
                label=row[label or 0],
                patient="" if patient is None else row[patient].strip(),
                split="" if split is None else row[split],
                columns={name: row[place].strip() for name, place in further.items()},
            )

    def _place(self, header: Sequence[str], column: str) -> int | None:
        """Return the place of a column, by its name in any case; the same case comes first."""
        lower = [name.lower() for name in header]
        if column in header:
            return header.index(column)
        return lower.index(column.lower()) if column.lower() in lower else None

    def _further(self, header: Sequence[str], used: Collection[int | None]) -> list[str]:
        if self.columns is None:
            others = [name for i, name in enumerate(header) if name and i not in used]
            return [name for name in others if not may_identify(name) and not ROW_NUMBERS.fullmatch(name)]
        if unknown := [name for name in self.columns if name not in header]:
            raise UserError(f"{self.path} has no column {unknown[0]!r} (found: {printable(', '.join(header))}).")
        return self.columns

    def _found(self, path: str) -> str:
        """Return a path below the first root if it is there or nowhere, otherwise with the root that has it."""
        for root in self.roots[1:] if not os.path.exists(os.path.join(self.root, path)) else ():  # noqa: PTH110, PTH118
            if os.path.exists(file := os.path.join(root, path)):  # noqa: PTH110, PTH118 - there may be many
                return os.path.abspath(file)  # noqa: PTH100
        return path

    def row_number(self, i: int) -> int:
        """See `RowIndex.row_number`."""
        return list(self._table[1])[i]

    @cached_property
    def _table(self) -> tuple[list[str], dict[int, list[str]]]:
        """The names of the columns, and the values of each row as text, by the row's number."""
        if not self.path.is_file():
            raise UserError(f"{self.path} is not a file: give a table of images, CSV or Parquet.")
        header, rows = _read_parquet(self.path) if self.path.suffix.lower() == ".parquet" else _read_csv(self.path)
        if twice := [name for name in header if name and header.count(name) > 1]:
            raise UserError(f"{self.path} has two columns {twice[0]!r}: rename one.")
        for number, row in rows.items():
            if len(row) != len(header):
                raise UserError(
                    f"{self.path}, row {number} has {len(row)} values instead of {len(header)}: correct it."
                )
        return header, rows


def may_identify(column: str) -> bool:
    """Return whether the values of a column may identify a person, by its name.

    >>> may_identify("PatientID"), may_identify("date_of_birth"), may_identify("patient_age")
    (True, True, False)
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", column)
    return not IDENTIFYING.isdisjoint(word.lower() for word in words)


def _read_csv(path: Path) -> tuple[list[str], dict[int, list[str]]]:
    """Return the header, and the other rows by the numbers that a spreadsheet shows, blank ones left out."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            separator = max(SEPARATORS, key=first.count)
            rows = dict(enumerate(csv.reader(file, delimiter=separator, strict=True), start=1))
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} cannot be read as CSV in UTF-8 ({error}): save it again in this form.") from error
    filled = {number: row for number, row in rows.items() if any(value.strip() for value in row)}
    header = filled.pop(min(filled, default=1), [])
    return [name.strip() for name in header], filled


def _read_parquet(path: Path) -> tuple[list[str], dict[int, list[str]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise missing_extra("tables", "A Parquet table") from error
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} cannot be read as Parquet ({reason}): write it again.") from error
    return table.column_names, {number: _texts(row) for number, row in enumerate(table.to_pylist(), start=1)}


def _texts(row: Mapping[str, Any]) -> list[str]:
    """Return values as text: missing ones empty, and whole numbers without the decimal that pandas adds to them."""
    return [
        "" if value is None or value != value else f"{value:.0f}" if _is_whole(value) else str(value)
        for value in row.values()
    ]


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()
