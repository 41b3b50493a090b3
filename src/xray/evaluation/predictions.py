"""The predictions table: one row for each image, and the only thing that everything after it reads."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xray.utils.errors import UserError
from xray.utils.files import write_whole

COLUMNS = ("path", "patient", "label", "logit", "probability", "decision")


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
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in zip(
            table.path, table.patient, table.label, table.logit, table.probability, table.decision, strict=True
        ):
            writer.writerow([value if isinstance(value, str) else repr(float(value)) for value in row])


def read_predictions(path: Path) -> Predictions:
    """Read a table back.

    Raises:
        UserError: The file is missing, or is no predictions table.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: 'python -m xray test' writes it.")
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        if tuple(header) != COLUMNS:
            found = " ".join(", ".join(header).split())
            raise UserError(f"{path} is no predictions table: its columns are {found[:200]}, not {', '.join(COLUMNS)}.")
        if any(len(row) != len(COLUMNS) for row in rows):
            raise ValueError(f"a row has not {len(COLUMNS)} values")
        columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
        logit, probability = (np.array([float(value) for value in columns[i]]) for i in (3, 4))
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error}): make it anew with 'python -m xray test'.") from None
    return Predictions(columns[0], columns[1], columns[2], logit, probability, columns[5])
