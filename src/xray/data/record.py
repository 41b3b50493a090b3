"""What a run writes down about its data."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def trained_films(data: "ChestXRayDataModule") -> str:
    """What a checkpoint keeps of the films that its weights have seen, also before a resume: see `films_of_record`.

    One text, in JSON: a checkpoint of many small strings takes several times the memory while it is written.
    """
    films = {film.digest: film for film in (*data.trained_before, *data.films["train"])}
    return record_of_films(list(films.values()))


def record_of_films(films: Sequence[Film]) -> str:
    """What tells films by their files and patients, see `films_of_record`."""
    return json.dumps([(film.path, film.patient if film.named else "", film.group, film.digest) for film in films])


def films_of_record(record: str) -> list[Film]:
    """The films that `record_of_films` recorded, as far as overlaps are concerned; their labels are not kept."""
    return [
        Film(path, "train", -1, patient or path, group, digest, named=bool(patient))
        for path, patient, group, digest in json.loads(record)
    ]


def summary(data: "ChestXRayDataModule") -> dict[str, Any]:
    """Counts, fingerprint and notes of every split, as plain values."""
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
    return {"root": str(data.root), "validation": data.validation, "splits": splits, "notes": data.notes}


def write_summary(path: Path, data: "ChestXRayDataModule") -> None:
    """Write the summary as JSON."""
    with write_whole(path) as file:
        json.dump(summary(data), file, indent=2)
        file.write("\n")


def fingerprint(films: Sequence[Film]) -> str:
    """Hash of a split's files and labels, whatever their names, order or place."""
    rows = sorted(f"{film.digest} {film.label}" for film in films)
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()
