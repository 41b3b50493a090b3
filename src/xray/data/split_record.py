"""What a run writes down about its data."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.data.index.folders import ImageRecord
from xray.utils.files import write_whole

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule

SPLIT_COLUMNS = ("path", "split", "label", "patient", "group", "digest")


def write_split(path: Path, splits: Mapping[str, Sequence[ImageRecord]], class_names: Sequence[str]) -> None:
    """Write which image is in which split, as CSV with the columns `SPLIT_COLUMNS`."""
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SPLIT_COLUMNS)
        for split, images in splits.items():
            for image in images:
                writer.writerow([image.path, split, class_names[image.label], image.patient, image.group, image.digest])


def trained_images(data: "ChestXRayDataModule") -> str:
    """What a checkpoint keeps of the images that its weights have seen, also before a resume: see `images_of_record`.

    One text, in JSON: a checkpoint of many small strings takes several times the memory while it is written.
    """
    images = {image.digest: image for image in (*data.trained_before, *data.images["train"])}
    return record_of_images(list(images.values()))


def record_of_images(images: Sequence[ImageRecord]) -> str:
    """What tells images by their files and patients, see `images_of_record`."""
    return json.dumps(
        [(image.path, image.patient if image.named else "", image.group, image.digest) for image in images]
    )


def images_of_record(record: str) -> list[ImageRecord]:
    """The images that `record_of_images` recorded, as far as overlaps are concerned; their labels are not kept."""
    return [
        ImageRecord(path, "train", -1, patient or path, group, digest, named=bool(patient))
        for path, patient, group, digest in json.loads(record)
    ]


def summary(data: "ChestXRayDataModule") -> dict[str, Any]:
    """Counts, fingerprint and notes of every split, as plain values."""
    splits = {
        split: {
            "images": len(images),
            "patients": len({image.patient for image in images}),
            "images_by_class": {
                name: sum(image.label == label for image in images) for label, name in enumerate(data.class_names)
            },
            "fingerprint": fingerprint(images),
        }
        for split, images in data.images.items()
    }
    return {"root": str(data.root), "validation": data.validation, "splits": splits, "notes": data.notes}


def write_summary(path: Path, data: "ChestXRayDataModule") -> None:
    """Write the summary as JSON."""
    with write_whole(path) as file:
        json.dump(summary(data), file, indent=2)
        file.write("\n")


def fingerprint(images: Sequence[ImageRecord]) -> str:
    """Hash of a split's files and labels, whatever their names, order or place."""
    rows = sorted(f"{image.digest} {image.label}" for image in images)
    return hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()
