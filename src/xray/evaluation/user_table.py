"""Read a table of any model's predictions as a scored set: a data frame, a mapping of columns, or a CSV file."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from xray.data.index.base import CLASS_NAMES
from xray.evaluation.arrays import Scores
from xray.evaluation.calibration import probability_of
from xray.evaluation.predictions import OUTCOME_COLUMNS, Predictions
from xray.evaluation.scored_set import IMAGE_COLUMNS, ScoredSet
from xray.utils.errors import UserError

Columns = Mapping[str, Sequence[str]]
"""Cells as text by column name; a missing value is an empty text."""
MISSING: Final = {"", "nan", "na", "<na>", "nat"}
BINARY: Final = {"0": 0, "1": 1, "false": 0, "true": 1}
NUMBERED_CLASSES: Final = ("negative", "positive")
"""Names of the classes 0 and 1 in the report."""
DEFAULT_THRESHOLD: Final = 0.5
SATURATED: Final = 37.0
"""Log-odds that stand for a probability of 1; the largest below 1 has 36.7."""


def read_user_table(
    table: Any,  # noqa: ANN401 - a data frame of any library
    threshold: float | None = None,
    class_names: tuple[str, str] | None = None,
) -> ScoredSet:
    """Read a table of predictions with known labels, one row per image.

    Columns: `label` (class names, 0 and 1, or booleans), `probability` of the positive class or `logit`, and optionally
    `patient`, `path` and `decision`. All others, such as sex or site, are kept as columns of the images.

    Args:
        table: A data frame, a mapping of columns, or the path of a CSV file.
        threshold: Probability from which an image is predicted positive. By default the column `decision` counts, or
            0.5 without one.
        class_names: The negative and the positive class. By default NORMAL and PNEUMONIA, or the names negative and
            positive for labels 0 and 1.

    Raises:
        UserError: A column is missing or has an invalid value.
    """
    where = str(table) if isinstance(table, str | Path) else "The table"
    notes: list[str] = []
    columns = _predicted_rows(_read_columns(table, where), notes)
    if not len(next(iter(columns.values()), ())):
        raise UserError(f"{where} has no row with a prediction.")
    if "label" not in columns:
        raise UserError(f"{where} has no column label with the true classes: its columns are {', '.join(columns)}.")
    if class_names is not None and (
        len(class_names) != 2 or len(set(map(str, class_names))) != 2 or isinstance(class_names, str)
    ):
        raise UserError(f"class_names {class_names!r} must be two different names, the negative class first.", 2)
    negative, positive = class_names or _class_names(columns["label"], where)
    class_names = (str(negative), str(positive))
    labels = _classes(columns["label"], class_names, f"{where}, column label")
    probability, logit = _scores(columns, where)
    decisions, threshold = _decisions(columns, probability, threshold, class_names, where, notes)
    rows = range(len(labels))
    numbered = [f"row {row + 1}" for row in rows]
    if "path" not in columns:
        notes.append("The table has no column path: images are named by their row.")
    return ScoredSet(
        Predictions(
            path=[path or numbered[row] for row, path in enumerate(columns.get("path", numbered))],
            patient=_patients(columns.get("patient"), numbered, notes),
            label=[class_names[label] for label in labels],
            logit=logit,
            probability=probability,
            decision=[class_names[decision] for decision in decisions],
        ),
        source={
            "set": "test",
            "external": False,
            "table": str(table) if isinstance(table, str | Path) else None,
            "class_names": list(class_names),
            "temperature": 1.0,
            "threshold": threshold,
            "decision": None,
            "notes": notes,
        },
        columns=_further_columns(columns),
    )


def _read_columns(table: Any, where: str) -> dict[str, list[str]]:  # noqa: ANN401
    if isinstance(table, str | Path):
        return _read_csv(Path(table))
    if not hasattr(table, "columns") and not isinstance(table, Mapping):
        raise UserError(
            f"A table is a data frame, a mapping of columns or the path of a CSV file, not a {type(table).__name__}."
        )
    names = list(getattr(table, "columns", table))
    _reject_two_columns(list(map(str, names)), where)
    if scalars := [name for name in names if not hasattr(table[name], "__iter__") or isinstance(table[name], str)]:
        raise UserError(f"{where} has one value as column {scalars[0]}: give a list with a value for each image.")
    columns = {str(name): [_text(value) for value in _values(table[name])] for name in names}
    if len({len(values) for values in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        raise UserError(f"{where} has columns of different lengths: {lengths}.")
    return columns


def _read_csv(path: Path) -> dict[str, list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            first = file.readline()
            file.seek(0)
            rows = dict(enumerate(csv.reader(file, delimiter=max(",;\t", key=first.count)), start=1))
    except (OSError, csv.Error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"{path} cannot be read ({reason}): give a CSV file with one row per image.") from error
    rows = {number: row for number, row in rows.items() if any(cell.strip() for cell in row)}
    header = rows.pop(min(rows, default=1), [])
    for number, row in rows.items():
        if len(row) != len(header):
            raise UserError(f"{path}, line {number} has {len(row)} values for {len(header)} columns: correct it.")
    names = [name.strip() for name in header]
    _reject_two_columns(names, str(path))
    return {name: [_text(row[i]) for row in rows.values()] for i, name in enumerate(names)}


def _reject_two_columns(names: Sequence[str], where: str) -> None:
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise UserError(f"{where} has two columns {twice[0]}: rename or remove one.")


def _values(column: Any) -> Any:  # noqa: ANN401
    """Return the values of a column; those of a torch tensor as numbers."""
    return column.tolist() if hasattr(column, "detach") else column


def _text(value: object) -> str:
    """Return a cell as text: missing values empty, and whole numbers without the decimal that pandas adds to them."""
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in MISSING else re.sub(r"^(-?\d+)\.0$", r"\1", text)


def _predicted_rows(columns: dict[str, list[str]], notes: list[str]) -> dict[str, list[str]]:
    """Leave out the rows that `predict` could not answer, with a note."""
    others = Counter(outcome for outcome in columns.get("outcome", []) if outcome != "predicted")
    if not others:
        return columns
    counts = ", ".join(f"{number} {name or 'without outcome'}" for name, number in sorted(others.items()))
    notes.append(f"Left out, since they have no prediction: {counts}.")
    predicted = [i for i, outcome in enumerate(columns["outcome"]) if outcome == "predicted"]
    return {name: [values[i] for i in predicted] for name, values in columns.items()}


def _class_names(labels: Sequence[str], where: str) -> tuple[str, str]:
    names = sorted(set(labels) - {""})
    if {name.upper() for name in names} <= set(CLASS_NAMES):
        return CLASS_NAMES
    if all(name.lower() in BINARY for name in names):
        return NUMBERED_CLASSES
    raise UserError(
        f"{where} has the labels {', '.join(names[:5])}: name the negative and the positive class with class_names, "
        "such as --class_names '[healthy,sick]', or in Python class_names=('healthy', 'sick')."
    )


def _classes(texts: Sequence[str], class_names: tuple[str, str], where: str) -> list[int]:
    numbers = BINARY | {name.lower(): i for i, name in enumerate(class_names)}
    numbers |= {name: i for i, name in enumerate(class_names)}
    indices = [numbers.get(text, numbers.get(text.lower(), -1)) for text in texts]
    if -1 in indices:
        row = indices.index(-1)
        value = repr(texts[row]) if texts[row] else "no value"
        raise UserError(
            f"{where} has {value} in row {row + 1}: each must be {class_names[0]}, {class_names[1]}, 0 or 1 "
            f"({indices.count(-1)} {'is' if indices.count(-1) == 1 else 'are'} not)."
        )
    return indices


def _scores(columns: Columns, where: str) -> tuple[Scores, Scores]:
    """Return probabilities and their log-odds, which stay different where probabilities are."""
    if "probability" in columns:
        probability = _numbers(columns, "probability", where)
        if (invalid := ~((probability >= 0) & (probability <= 1))).any():
            row = int(np.flatnonzero(invalid)[0])
            raise UserError(
                f"{where}, column probability has {columns['probability'][row]} in row {row + 1}: it must be from 0 to "
                "1; name the column logit if these are raw outputs of a network."
            )
        with np.errstate(divide="ignore"):
            logit = np.log(probability) - np.log1p(-probability)
        lowest = min(-SATURATED, float(logit[np.isfinite(logit)].min(initial=0)) - 1)
        return probability, np.clip(logit, lowest, SATURATED)
    if "logit" in columns:
        logit = _numbers(columns, "logit", where)
        return probability_of(logit), logit
    raise UserError(f"{where} has no column probability and none called logit: its columns are {', '.join(columns)}.")


def _numbers(columns: Columns, name: str, where: str) -> Scores:
    values = np.full(len(columns[name]), np.nan)
    for row, text in enumerate(columns[name]):
        with suppress(ValueError):
            values[row] = float(text)
        if not np.isfinite(values[row]):
            raise UserError(
                f"{where}, column {name} has {repr(text) if text else 'no value'} in row {row + 1}, which is not a "
                "finite number: correct it, since leaving out the image would bias the metrics."
            )
    return values


def _decisions(
    columns: Columns,
    probability: Scores,
    threshold: float | None,
    class_names: tuple[str, str],
    where: str,
    notes: list[str],
) -> tuple[list[int], float]:
    """Return the decisions, 0 or 1, and the threshold that they follow from."""
    if threshold is not None and not 0 <= threshold <= 1:
        raise UserError(f"threshold {threshold} is not a probability: give a number from 0 to 1.", 2)
    if threshold is not None or "decision" not in columns:
        if threshold is None:
            threshold = DEFAULT_THRESHOLD
            notes.append("Nobody has chosen a threshold for this table: it is 0.5.")
        elif "decision" in columns:
            notes.append(f"The decisions of the table were replaced by those at the threshold {threshold:g}.")
        return (probability >= threshold).astype(int).tolist(), threshold
    decisions = _classes(columns["decision"], class_names, f"{where}, column decision")
    positive = np.array(decisions, dtype=bool)
    highest = float(probability[~positive].max(initial=0))
    lowest = float(probability[positive].min(initial=1))
    if highest < DEFAULT_THRESHOLD <= lowest:
        return decisions, DEFAULT_THRESHOLD
    if highest >= lowest:
        notes.append("The decisions of the table do not follow from one threshold: figures show it at 0.5.")
        return decisions, DEFAULT_THRESHOLD
    return decisions, (highest + lowest) / 2


def _patients(patients: Sequence[str] | None, numbered: Sequence[str], notes: list[str]) -> list[str]:
    if patients is None:
        notes.append(
            "The table has no column patient: each row counts as a patient of its own, and intervals are too narrow if "
            "patients have several images."
        )
        return list(numbered)
    if unknown := list(patients).count(""):
        notes.append(f"Rows without patient, each counted as a patient of its own: {unknown}.")
    return [patient or row for patient, row in zip(patients, numbered, strict=True)]


def _further_columns(columns: Columns) -> dict[str, Sequence[str]]:
    """Return the columns without a meaning here, but not the index that pandas writes."""
    known = {*OUTCOME_COLUMNS, *IMAGE_COLUMNS}
    return {
        name: values
        for name, values in columns.items()
        if name not in known and name and not re.fullmatch(r"Unnamed: \d+|index", name)
    }
