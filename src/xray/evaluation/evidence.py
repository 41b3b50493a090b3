"""What `test` leaves in a folder, and all that a report is made from: tables of one row for each film."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xray.errors import UserError
from xray.evaluation.predictions import Predictions, read_predictions, write_predictions
from xray.evaluation.ranking import Scores
from xray.files import write_whole

PREDICTIONS, SOURCE, FILMS, CONTROLS, FAMILIARITY, ROBUSTNESS, DUPLICATES, MAPS = (
    "predictions.csv",
    "source.json",
    "films.csv",
    "controls.csv",
    "familiarity.csv",
    "robustness.csv",
    "duplicates.json",
    "maps.json",
)
ANEW = "make it anew with 'python -m xray test'"
MAP_DIGITS = 4
"""Behind the point: a ten-thousandth of a logit is seen by no one."""
FILM_COLUMNS = ("width", "height", "mode", "bytes", "digest")


@dataclass(frozen=True)
class Evidence:
    """A predictions table with what stands beside it; the columns of all tables have the rows of `table`.

    Args:
        table: The predictions.
        source: Where they come from: checkpoint, run, data, decision; see `xray.callbacks.score`.
        films: What the files are, by `FILM_COLUMNS`; empty where it was not recorded.
        controls: Scores of what does not look at lungs, by name; empty where it was not recorded.
        unfamiliarity: Distances from the training films as multiples of their limits, by name, see
            `xray.familiarity`; empty where the checkpoint does not tell them.
        robustness: Logits of the films under each corruption, by `name_strength`; empty where it was not asked for.
        duplicates: Films that are the same picture, among themselves or as films that the model was trained on.
        maps: Grad-CAM maps of some of the films in units of the logit, shape (height, width), by row of the table;
            empty where none were recorded.
    """

    table: Predictions
    source: Mapping[str, Any]
    films: Mapping[str, Sequence[str]] = field(default_factory=dict)
    controls: Mapping[str, Scores] = field(default_factory=dict)
    unfamiliarity: Mapping[str, Scores] = field(default_factory=dict)
    robustness: Mapping[str, Scores] = field(default_factory=dict)
    duplicates: Sequence[Mapping[str, Any]] = ()
    maps: Mapping[int, Scores] = field(default_factory=dict)


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write all of it into a folder, each file whole or not at all."""
    write_predictions(folder / PREDICTIONS, evidence.table)
    numbers = {
        CONTROLS: evidence.controls,
        FAMILIARITY: evidence.unfamiliarity,
        ROBUSTNESS: evidence.robustness,
    }
    for name, columns in numbers.items():
        written = {key: [repr(float(value)) for value in values] for key, values in columns.items()}
        _write_columns(folder / name, evidence.table.path, written)
    _write_columns(folder / FILMS, evidence.table.path, evidence.films)
    _write_maps(folder / MAPS, evidence)
    for name, content in ((DUPLICATES, list(evidence.duplicates)), (SOURCE, evidence.source)):
        with write_whole(folder / name) as file:
            json.dump(content, file, indent=2)
            file.write("\n")


def read_evidence(folder: Path) -> Evidence:
    """Read it back.

    Raises:
        UserError: The predictions or their source are missing, a file is damaged, or tables do not belong together.
    """
    table = read_predictions(folder / PREDICTIONS)
    source = _read_source(folder / SOURCE)
    _check(folder / PREDICTIONS, table, source["class_names"])
    films = _read_columns(folder / FILMS, table.path)
    for name in ("width", "height"):
        if odd := [value for value in films.get(name, []) if not value.isdecimal()]:
            raise UserError(f"{folder / FILMS} has the {name} {odd[0][:50]!r}, which is no number of pixels: {ANEW}.")
    duplicates = _read_json(folder / DUPLICATES, list) if (folder / DUPLICATES).exists() else []
    controls, unfamiliarity, robustness = (
        _read_numbers(folder / name, table.path) for name in (CONTROLS, FAMILIARITY, ROBUSTNESS)
    )
    maps = _read_maps(folder / MAPS, table.path)
    return Evidence(table, source, films, controls, unfamiliarity, robustness, duplicates, maps)


def _check(path: Path, table: Predictions, class_names: Sequence[str]) -> None:
    """Refuse films without a number, and classes that are none of these."""
    for line, (logit, probability) in enumerate(zip(table.logit, table.probability, strict=True), start=2):
        if not np.isfinite(logit) or not 0 <= probability <= 1:
            raise UserError(
                f"{path}, line {line} ({table.path[line - 2]!r}) has no number: logit {logit}, probability "
                f"{probability}. Without this film figures would flatter: score anew with 'python -m xray test'."
            )
    known = ", ".join(class_names)
    if unknown := sorted(set(table.label) - set(class_names)):
        raise UserError(
            f"{path} has the label {unknown[0]!r}, which is no class of {known}: only films whose class is known can "
            "be judged."
        )
    if unknown := sorted(set(table.decision) - set(class_names)):
        raise UserError(f"{path} has the decision {unknown[0]!r}, which is no class of {known}: {ANEW}.")


def _read_source(path: Path) -> Mapping[str, Any]:
    source: Mapping[str, Any] = _read_json(path, dict)
    if missing := [key for key in ("class_names", "temperature", "threshold") if key not in source]:
        raise UserError(f"{path} is damaged (it lacks {', '.join(missing)}): {ANEW}.")
    return source


def _write_columns(path: Path, paths: Sequence[str], columns: Mapping[str, Sequence[str]]) -> None:
    if not columns:
        # What an earlier scoring left would belong to other predictions.
        path.unlink(missing_ok=True)
        return
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", *columns])
        writer.writerows(zip(paths, *columns.values(), strict=True))


def _read_columns(path: Path, paths: Sequence[str]) -> dict[str, list[str]]:
    """The columns behind the path, by their names; none where the file does not exist."""
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except csv.Error as error:
        raise UserError(f"{path} is damaged ({error}): {ANEW}.") from None
    if [row[0] for row in rows if row] != list(paths) or any(len(row) != len(header) for row in rows):
        raise UserError(f"{path} is damaged or belongs to other predictions: {ANEW}.")
    return {name: [row[i] for row in rows] for i, name in enumerate(header) if i}


def _read_numbers(path: Path, paths: Sequence[str]) -> dict[str, Scores]:
    """The same, as numbers."""
    numbers = {}
    for name, values in _read_columns(path, paths).items():
        try:
            numbers[name] = np.array([float(value) for value in values], dtype=np.float64)
        except ValueError as error:
            raise UserError(f"{path} is damaged (column {name}: {error}): {ANEW}.") from None
        if len(odd := np.flatnonzero(~np.isfinite(numbers[name]))):
            row = int(odd[0])
            raise UserError(
                f"{path}, line {row + 2} ({paths[row]!r}) has no number: {name} {numbers[name][row]}. Score anew with "
                "'python -m xray test'."
            )
    return numbers


def _write_maps(path: Path, evidence: Evidence) -> None:
    if not evidence.maps:
        path.unlink(missing_ok=True)
        return
    listed = [
        {"row": row, "path": evidence.table.path[row], "values": values.round(MAP_DIGITS).tolist()}
        for row, values in evidence.maps.items()
    ]
    with write_whole(path) as file:
        json.dump({"method": "gradcam", "unit": "logit", "films": listed}, file)
        file.write("\n")


def _read_maps(path: Path, paths: Sequence[str]) -> dict[int, Scores]:
    if not path.exists():
        return {}
    maps = {}
    try:
        for film in _read_json(path, dict)["films"]:
            values = np.array(film["values"], dtype=np.float64)
            if paths[film["row"]] != film["path"] or values.ndim != 2 or not np.isfinite(values).all():
                raise ValueError("a map is none, or is of another film")
            maps[int(film["row"])] = values
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged or belongs to other predictions ({error}): {ANEW}.") from None
    return maps


def _read_json(path: Path, kind: type) -> Any:  # noqa: ANN401 - of that kind
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: 'python -m xray test' writes it beside the predictions.") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): {ANEW}.") from None
    if not isinstance(content, kind):
        raise UserError(f"{path} is damaged (it holds no {kind.__name__}): {ANEW}.")
    return content
