"""Write and read a scored set: the tables in a folder from which a report is built, with one row per image."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xray.evaluation.arrays import Scores
from xray.evaluation.predictions import Predictions, read_predictions, write_predictions
from xray.utils.errors import UserError
from xray.utils.files import open_atomic

PREDICTIONS, IMAGES, ABLATIONS = "predictions.csv", "images.csv", "ablations.csv"
OOD, ROBUSTNESS, COLUMNS = "ood.csv", "robustness.csv", "columns.csv"
SOURCE, DUPLICATES, MAPS = "source.json", "duplicates.json", "maps.json"
OLD_TABLES = ("films.csv", "controls.csv", "familiarity.csv")
"""Names of three tables before they were renamed."""
OLD_ABLATION = "centre_blanked"
"""Name of an ablation before it was renamed."""
MAP_DECIMALS = 4
"""A ten-thousandth of a logit is invisible in a map."""
IMAGE_COLUMNS = ("width", "height", "mode", "bytes", "digest")


@dataclass(frozen=True)
class ScoredSet:
    """A predictions table with its other tables; all have the same rows as `table`, and are empty if not recorded.

    Args:
        table: The predictions.
        source: Provenance: checkpoint, run, data, decision; see `xray.callbacks.score`.
        images: Properties of the image files, by `IMAGE_COLUMNS`.
        columns: What else is known of the images, such as age or sex, by the names in the table that they come from.
        ablations: Scores of the shortcut baselines and input ablations, by name.
        ood_scores: OOD scores (distances from the training images as multiples of their limits) by name; see
            `xray.ood.detector`.
        robustness: Logits of the images under each corruption, by `name_strength`.
        duplicates: Pairs of duplicate images, within the set or with training images.
        maps: Grad-CAM maps of some images in logits, shape (height, width), by row of the table.
    """

    table: Predictions
    source: Mapping[str, Any]
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ablations: Mapping[str, Scores] = field(default_factory=dict)
    ood_scores: Mapping[str, Scores] = field(default_factory=dict)
    robustness: Mapping[str, Scores] = field(default_factory=dict)
    duplicates: Sequence[Mapping[str, Any]] = ()
    maps: Mapping[int, Scores] = field(default_factory=dict)


def write_scored_set(folder: Path, scored_set: ScoredSet) -> None:
    """Write all tables into a folder, each file atomically."""
    for name in OLD_TABLES:
        (folder / name).unlink(missing_ok=True)
    write_predictions(folder / PREDICTIONS, scored_set.table)
    for name, columns in (
        (ABLATIONS, scored_set.ablations),
        (OOD, scored_set.ood_scores),
        (ROBUSTNESS, scored_set.robustness),
    ):
        texts = {key: [repr(float(value)) for value in values] for key, values in columns.items()}
        _write_columns(folder / name, scored_set.table.path, texts)
    _write_columns(folder / IMAGES, scored_set.table.path, scored_set.images)
    _write_columns(folder / COLUMNS, scored_set.table.path, scored_set.columns)
    _write_maps(folder / MAPS, scored_set)
    for name, content in ((DUPLICATES, list(scored_set.duplicates)), (SOURCE, scored_set.source)):
        with open_atomic(folder / name) as file:
            json.dump(content, file, indent=2)
            file.write("\n")


def read_scored_set(folder: Path) -> ScoredSet:
    """Read a scored set from its folder.

    Raises:
        UserError: The predictions or their source are missing, a file is damaged, the tables do not match, or an
            earlier version wrote them.
    """
    if any((folder / name).exists() for name in OLD_TABLES):
        # Its tables would count as missing, and a report built from the rest would omit them.
        raise UserError(f"{folder} was written by an earlier version of xray: {_fix(folder)}.")
    table = read_predictions(folder / PREDICTIONS)
    source = _read_json(folder / SOURCE, dict)
    if missing := [key for key in ("class_names", "temperature", "threshold") if key not in source]:
        raise UserError(f"{folder / SOURCE} is damaged ({', '.join(missing)} missing): {_fix(folder)}.")
    _check_predictions(folder / PREDICTIONS, table, source["class_names"])
    images = _read_columns(folder / IMAGES, table.path)
    for name in ("width", "height"):
        if invalid := [value for value in images.get(name, []) if not value.isdecimal()]:
            raise UserError(f"{folder / IMAGES} has the invalid {name} {invalid[0][:50]!r}: {_fix(folder)}.")
    duplicates = _read_json(folder / DUPLICATES, list) if (folder / DUPLICATES).exists() else []
    ablations, ood_scores, robustness = (
        _read_numbers(folder / name, table.path) for name in (ABLATIONS, OOD, ROBUSTNESS)
    )
    if OLD_ABLATION in ablations:
        raise UserError(f"{folder} was written by an earlier version of xray: {_fix(folder)}.")
    maps = _read_maps(folder / MAPS, table.path)
    columns = _read_columns(folder / COLUMNS, table.path)
    return ScoredSet(table, source, images, columns, ablations, ood_scores, robustness, duplicates, maps)


def _fix(folder: Path) -> str:
    # A set of validation images, or an earlier one that was renamed to validate_1.
    command = "validate" if folder.name.startswith("validate") else "test"
    return f"score the images again with 'python -m xray {command}'"


def _check_predictions(path: Path, table: Predictions, class_names: Sequence[str]) -> None:
    """Reject non-finite logits, invalid probabilities and unknown classes."""
    for line, (logit, probability) in enumerate(zip(table.logit, table.probability, strict=True), start=2):
        if not np.isfinite(logit) or not 0 <= probability <= 1:
            raise UserError(
                f"{path}, line {line} ({table.path[line - 2]!r}) has an invalid number: logit {logit}, probability "
                f"{probability}. Leaving out this image would bias the metrics: {_fix(path.parent)}."
            )
    known = ", ".join(class_names)
    for name, column, fix in (
        ("label", table.label, "only images with known labels can be evaluated"),
        ("decision", table.decision, _fix(path.parent)),
    ):
        if unknown := sorted(set(column) - set(class_names)):
            raise UserError(f"{path} has the {name} {unknown[0]!r}, which is none of the classes {known}: {fix}.")


def _write_columns(path: Path, paths: Sequence[str], columns: Mapping[str, Sequence[str]]) -> None:
    if not columns:
        # A file of an earlier scoring would belong to other predictions.
        path.unlink(missing_ok=True)
        return
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", *columns])
        writer.writerows(zip(paths, *columns.values(), strict=True))


def _read_columns(path: Path, paths: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns after `path` by name; empty if the file does not exist."""
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except csv.Error as error:
        raise UserError(f"{path} is damaged ({error}): {_fix(path.parent)}.") from None
    if [row[0] for row in rows if row] != list(paths) or any(len(row) != len(header) for row in rows):
        raise UserError(f"{path} is damaged or belongs to other predictions: {_fix(path.parent)}.")
    return {name: [row[i] for row in rows] for i, name in enumerate(header) if i}


def _read_numbers(path: Path, paths: Sequence[str]) -> dict[str, Scores]:
    """Return the columns after `path` as finite numbers; see `_read_columns`."""
    numbers = {}
    for name, values in _read_columns(path, paths).items():
        try:
            numbers[name] = np.array(values, dtype=np.float64)
        except ValueError as error:
            raise UserError(f"{path} is damaged (column {name}: {error}): {_fix(path.parent)}.") from None
        if len(invalid := np.flatnonzero(~np.isfinite(numbers[name]))):
            row = int(invalid[0])
            raise UserError(
                f"{path}, line {row + 2} ({paths[row]!r}) has an invalid number: {name} {numbers[name][row]}. "
                f"{_fix(path.parent)}."
            )
    return numbers


def _write_maps(path: Path, scored_set: ScoredSet) -> None:
    if not scored_set.maps:
        path.unlink(missing_ok=True)
        return
    images = [
        {"row": row, "path": scored_set.table.path[row], "values": values.round(MAP_DECIMALS).tolist()}
        for row, values in scored_set.maps.items()
    ]
    with open_atomic(path) as file:
        json.dump({"method": "gradcam", "unit": "logit", "images": images}, file)
        file.write("\n")


def _read_maps(path: Path, paths: Sequence[str]) -> dict[int, Scores]:
    if not path.exists():
        return {}
    maps = {}
    try:
        for image in _read_json(path, dict)["images"]:
            values = np.array(image["values"], dtype=np.float64)
            if paths[image["row"]] != image["path"] or values.ndim != 2 or not np.isfinite(values).all():
                raise ValueError("a map is invalid or belongs to another image")
            maps[int(image["row"])] = values
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged or belongs to other predictions ({error}): {_fix(path.parent)}.") from None
    return maps


def _read_json(path: Path, kind: type) -> Any:  # noqa: ANN401 - an instance of `kind`
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: 'python -m xray test' writes it next to the predictions.") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): {_fix(path.parent)}.") from None
    if not isinstance(content, kind):
        raise UserError(f"{path} is damaged (not a JSON {kind.__name__}): {_fix(path.parent)}.")
    return content
