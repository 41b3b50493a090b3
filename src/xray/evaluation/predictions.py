"""The predictions table: one row for each image, and the only thing that everything after it reads."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from xray.utils.errors import UserError
from xray.utils.files import write_whole

COLUMNS = ("path", "patient", "label", "logit", "probability", "decision")
OUTCOME_COLUMNS = (*COLUMNS, "outcome", "reason")
"""Columns of a table by `predict`, which has a row for every image, also for those without a prediction."""

Outcome = Literal["predicted", "rejected", "unreadable"]


@dataclass(frozen=True)
class Predictions:
    """A table of predictions; all fields have the same length.

    Args:
        path: Where each image is.
        patient: Whose it is.
        label: Its class, empty where unknown.
        logit: Raw output of the network, float64.
        probability: Calibrated probability of the positive class, float64.
        decision: The class decided on.
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
    """What became of one image given to `predict`.

    Args:
        path: Where the image is.
        patient: Whose it is, as its name says.
        outcome: Whether it was predicted, rejected as out of distribution, or could not be read.
        reason: Why there is no prediction; empty for a predicted image.
        logit: Raw output of the network; None without a prediction, as are the next two.
        probability: Calibrated probability of the positive class, 0 to 1.
        decision: The class decided on.
    """

    path: str
    patient: str
    outcome: Outcome
    reason: str = ""
    logit: float | None = None
    probability: float | None = None
    decision: str | None = None


def decide(probability: npt.NDArray[np.float64], threshold: float, class_names: Sequence[str]) -> list[str]:
    """Name the class of each image: the second one from the threshold upwards.

    Raises:
        UserError: A probability is no number.
    """
    if np.isnan(probability).any():
        raise UserError("The model gives no number for some images: its training diverged; train with a lower rate.")
    return [class_names[int(p >= threshold)] for p in probability]


def write_predictions(path: Path, table: Predictions) -> None:
    """Write the table as CSV, whole or not at all; numbers keep every digit."""
    columns = (table.path, table.patient, table.label, table.logit, table.probability, table.decision)
    _write_rows(path, COLUMNS, zip(*columns, strict=True))


def write_outcomes(path: Path, images: Sequence[ImageOutcome]) -> None:
    """Write one row for each image as CSV, whole or not at all; without a prediction its numbers are empty."""
    _write_rows(
        path,
        OUTCOME_COLUMNS,
        ((i.path, i.patient, "", i.logit, i.probability, i.decision, i.outcome, i.reason) for i in images),
    )


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Iterable[str | float | None]]) -> None:
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            # None becomes an empty field.
            writer.writerow([repr(float(value)) if isinstance(value, int | float) else value for value in row])


def read_predictions(path: Path) -> Predictions:
    """Read a table by `test`, `validate` or `predict`; images without a prediction are left out.

    Raises:
        UserError: The file is missing, or is no predictions table.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: 'python -m xray test' writes it.")
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        if tuple(header) not in {COLUMNS, OUTCOME_COLUMNS}:
            columns = " ".join(", ".join(header).split())[:200]
            raise UserError(f"{path} is no predictions table: its columns are {columns}, not {', '.join(COLUMNS)}.")
        if any(len(row) != len(header) for row in rows):
            raise ValueError(f"a row has not {len(header)} values")
        predicted = [row for row in rows if row[len(COLUMNS) :][:1] in ([], ["predicted"])]
        columns_of = list(zip(*predicted, strict=True)) or [()] * len(COLUMNS)
        logit, probability = (np.array([float(value) for value in columns_of[i]]) for i in (3, 4))
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): run 'python -m xray test' again.") from None
    return Predictions(columns_of[0], columns_of[1], columns_of[2], logit, probability, columns_of[5])
