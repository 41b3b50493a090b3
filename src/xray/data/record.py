"""What a run writes down about its data."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xray.data.index import Film
from xray.files import write_whole

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule

SPLIT_COLUMNS = ("path", "split", "label", "patient", "group", "digest")


def write_split(path: Path, splits: Mapping[str, Sequence[Film]], class_names: Sequence[str]) -> None:
    """Write which film is in which split, as CSV with the columns `SPLIT_COLUMNS`."""
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SPLIT_COLUMNS)
        for split, films in splits.items():
            for film in films:
                writer.writerow([film.path, split, class_names[film.label], film.patient, film.group, film.digest])


def read_trained_films(path: Path) -> list[Film]:
    """The films that a run was trained on, from its split.csv; empty where it has none."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return [
        Film(
            path=row["path"],
            folder="train",
            label=-1,
            patient=row["patient"],
            group=row["group"],
            digest=row["digest"],
            named=row["patient"] != row["path"],
        )
        for row in rows
    ]


def write_summary(path: Path, data: "ChestXRayDataModule") -> None:
    """Write counts, fingerprint and notes of every split as JSON."""
    splits = {
        split: {
            "images": len(films),
            "patients": len({film.patient for film in films}),
            "images_by_class": {
                name: sum(film.label == label for film in films) for label, name in enumerate(data.class_names)
            },
            "fingerprint": fingerprint(films),
        }
        for split, films in data.films.items()
    }
    summary = {"root": str(data.root), "validation": data.validation, "splits": splits, "notes": data.notes}
    with write_whole(path) as file:
        json.dump(summary, file, indent=2)
        file.write("\n")


def fingerprint(films: Sequence[Film]) -> str:
    """Hash of a split's files and labels, whatever their names, order or place."""
    rows = sorted(f"{film.digest} {film.label}" for film in films)
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()
