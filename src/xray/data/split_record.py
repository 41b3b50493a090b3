"""Records of a run's data: split.csv, data.json and the images listed in checkpoints."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.data.index.base import ImageRecord
from xray.utils.files import open_atomic
from xray.utils.text import count

if TYPE_CHECKING:
    from xray.data.image_data import ImageData

SPLIT_COLUMNS = ("path", "split", "label", "patient", "group", "digest")


def write_split(path: Path, splits: Mapping[str, Sequence[ImageRecord]], class_names: Sequence[str]) -> None:
    """Write the split of each image as CSV with the columns `SPLIT_COLUMNS`."""
    with open_atomic(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SPLIT_COLUMNS)
        for split, images in splits.items():
            for image in images:
                writer.writerow([image.path, split, class_names[image.label], image.patient, image.group, image.digest])


def trained_images_json(data: "ImageData") -> str:
    """Return the images that a run was trained on, also before a resume, as JSON for its checkpoint.

    One string, because writing a checkpoint of many small strings takes several times the memory.
    """
    images = {image.digest: image for image in (*data.trained_before, *data.images["train"])}
    return images_to_json(list(images.values()))


def images_to_json(images: Sequence[ImageRecord]) -> str:
    """Return the paths, patients, groups and hashes of images as JSON, see `images_from_json`."""
    return json.dumps(
        [(image.path, image.patient if image.named else "", image.group, image.digest) for image in images]
    )


def images_from_json(text: str) -> list[ImageRecord]:
    """Return the images that `images_to_json` wrote, without their labels."""
    return [
        ImageRecord(path, "train", -1, patient or path, group, digest, named=bool(patient))
        for path, patient, group, digest in json.loads(text)
    ]


def summary(data: "ImageData") -> dict[str, Any]:
    """Return the counts and fingerprint of each split, and the notes, as JSON-compatible values."""
    splits = {
        split: {
            "images": len(images),
            "patients": len({image.patient for image in images}),
            "images_by_class": {
                name: sum(image.label == label for image in images) for label, name in enumerate(data.class_names)
            },
            "fingerprint": fingerprint(images),
        }
        for split, images in data.recorded_splits.items()
    }
    return {
        "root": data.source_name,
        "folder": str(data.root),
        "class_names": list(data.class_names),
        "image_size": data.image_size,
        "resize": data.resize,
        "patient_pattern": data.patient_pattern,
        "validation": data.validation,
        "splits": splits,
        "notes": data.notes,
    }


def split_sizes(data: "ImageData") -> str:
    """Return how many images and patients each split of a fit has, in one line for people."""
    purposes = {"train": "training", "val": "validation", "test": "testing later"}
    sizes = [
        f"{len(images):,} ({count(len({image.patient for image in images}), 'patient')}) for {purposes[split]}"
        for split, images in data.recorded_splits.items()
    ]
    return f"Images of {data.source_name}: {', '.join(sizes)}"


def write_summary(path: Path, data: "ImageData") -> None:
    """Write the `summary` as JSON."""
    with open_atomic(path) as file:
        json.dump(summary(data), file, indent=2)
        file.write("\n")


def fingerprint(images: Sequence[ImageRecord]) -> str:
    """Return a hash of a split's file contents and labels, independent of names, order and location."""
    rows = sorted(f"{image.digest} {image.label}" for image in images)
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()
