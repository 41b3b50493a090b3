"""The predictions table: one row per image, read by everything after the model."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from xray.utils.errors import UserError
from xray.utils.files import open_atomic

COLUMNS = ("path", "patient", "label", "logit", "probability", "decision")
OUTCOME_COLUMNS = (*COLUMNS, "outcome", "reason")
"""Columns of a table written by `predict`, which also has rows for images without a prediction."""

Outcome = Literal["predicted", "rejected", "unreadable"]


@dataclass(frozen=True)
class Predictions:
    """A table of predictions; all fields have the same length.

    Args:
        path: File of each image.
        patient: Patient ID.
        label: True class; empty if unknown.
        logit: Raw output of the network, float64.
        probability: Calibrated probability of the positive class, 0 to 1, float64.
        decision: Predicted class.
    """

    path: Sequence[str]
    patient: Sequence[str]
    label: Sequence[str]
    logit: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    decision: Sequence[str]

    def __len__(self) -> int:
        return len(self.path)


@dataclass(frozen=True)
class ImageOutcome:
    """Outcome of `predict` for one image.

    If it was rejected as out-of-distribution or could not be read, there is a reason instead of logit, probability and
    decision (see `Predictions`). The patient ID is from the file name.
    """

    path: str
    patient: str
    outcome: Outcome
    reason: str = ""
    logit: float | None = None
    probability: float | None = None
    decision: str | None = None


def decide(probability: npt.NDArray[np.float64], threshold: float, class_names: Sequence[str]) -> list[str]:
    """Return the predicted class of each image: the second class if its probability is at least the threshold.

    Raises:
        UserError: A probability is NaN.
    """
    if np.isnan(probability).any():
        raise UserError("The model outputs NaN for some images: training diverged; train with a lower learning rate.")
    return [class_names[int(p >= threshold)] for p in probability]


def write_predictions(path: Path, table: Predictions) -> None:
    """Write the table as CSV, atomically and without rounding numbers."""
    columns = (table.path, table.patient, table.label, table.logit, table.probability, table.decision)
    _write_rows(path, COLUMNS, zip(*columns, strict=True))


def write_outcomes(path: Path, images: Sequence[ImageOutcome]) -> None:
    """Write one row per image as CSV, atomically; numbers are empty for images without a prediction."""
    columns = outcome_columns(images)
    _write_rows(path, list(columns), zip(*columns.values(), strict=True))


def outcome_columns(images: Sequence[ImageOutcome]) -> dict[str, list[str | float | None]]:
    """Return the table of `predict` by column; label is empty, and numbers are None without a prediction."""
    rows = [(i.path, i.patient, "", i.logit, i.probability, i.decision, i.outcome, i.reason) for i in images]
    return {name: [row[position] for row in rows] for position, name in enumerate(OUTCOME_COLUMNS)}


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Iterable[str | float | None]]) -> None:
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            # None becomes an empty field.
            writer.writerow([repr(float(value)) if isinstance(value, int | float) else value for value in row])


def read_predictions(path: Path) -> Predictions:
    """Read a table written by `test`, `validate` or `predict`, without the images that have no prediction.

    Raises:
        UserError: The file is missing, damaged or not a predictions table.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: 'python -m xray test' writes it.")
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        if tuple(header) not in {COLUMNS, OUTCOME_COLUMNS}:
            names = " ".join(", ".join(header).split())[:200]
            raise UserError(f"{path} is not a predictions table: its columns are {names}, not {', '.join(COLUMNS)}.")
        if any(len(row) != len(header) for row in rows):
            raise ValueError(f"a row does not have {len(header)} values")
        predicted = [row for row in rows if len(row) == len(COLUMNS) or row[len(COLUMNS)] == "predicted"]
        columns = list(zip(*predicted, strict=True)) or [()] * len(COLUMNS)
        logit, probability = (np.array(columns[i], dtype=np.float64) for i in (3, 4))
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): run 'python -m xray test' again.") from None
    return Predictions(columns[0], columns[1], columns[2], logit, probability, columns[5])
