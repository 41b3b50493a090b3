"""Scored images that are the same picture: among themselves, or as images that the model was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xray.data.duplicates import exact_duplicates, near_duplicates
from xray.data.index.folders import ImageRecord
from xray.data.split_record import images_from_json
from xray.runs.checkpoint import TRAINED_KEY, Checkpoint

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule

MOST_IMAGES = 20_000
"""All pairs are compared, which takes a minute for so many; beyond that only the scored images are."""
LEAST_SIZE = 64
"""Smaller images show too little to tell a copy by."""


def same_pictures(checkpoint: Checkpoint, data: "ChestXRayDataModule", split: str) -> list[dict[str, Any]]:
    """Find images of a split that show the same picture as another, and note what was not looked at.

    The images that the model was trained on are compared where they still are: in the run's folder, or beside the split.

    Args:
        checkpoint: What scores the split.
        data: Set up for it.
        split: Which images.

    Returns:
        For each pair its `kind` ("same file" or "near duplicate"), the path of the `first`, a scored image, and of the
        `second`, their `similarity` up to 1, and which images the second one is `with`: the split, or "training".
    """
    images = data.images[split]
    paths, pixels = data.files(split), data.grey_images(split)
    root, trained = _trained_images(checkpoint, data.root)
    if trained and len(images) + len(trained) <= MOST_IMAGES:
        found, kept = data.decode_files([f"{root}/{image.path}" for image in trained], [f.digest for f in trained])
        pixels = np.concatenate([pixels, found])
        trained = [trained[i] for i in kept]
        paths += [f"{root}/{image.path}" for image in trained]
    else:
        why = "there are too many" if trained else "they are no longer there"
        data.note(f"Near duplicates were not looked for among the images that the model was trained on: {why}.")
        trained = []
    digests = [image.digest for image in (*images, *trained)]
    pairs = [
        (group[0], other, 1.0) for group in exact_duplicates(digests) for other in group[1:] if group[0] < len(images)
    ]
    if data.image_size >= LEAST_SIZE:
        pairs += [
            (first, second, similarity)
            for first, second, similarity in near_duplicates(pixels)
            if first < len(images) and digests[first] != digests[second]
        ]
    else:
        data.note(f"Near duplicates were not looked for: images of {data.image_size} pixels show too little.")
    copies = {first for first, second, _ in pairs if second >= len(images)}
    if copies:
        data.note(
            f"{len(copies)} of {len(images)} images show the same picture as one that the model was trained on: the "
            "figures are too good."
        )
    return [
        {
            "kind": "same file" if digests[first] == digests[second] else "near duplicate",
            "first": paths[first],
            "second": paths[second],
            "similarity": similarity,
            "with": split if second < len(images) else "training",
        }
        for first, second, similarity in pairs
    ]


def _trained_images(checkpoint: Checkpoint, beside: Path) -> tuple[Path, Sequence[ImageRecord]]:
    """The images that the weights have seen, as far as they are still there, and below which folder."""
    images = images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))
    for root in (Path(checkpoint.config["data"]["root"]), beside):
        if there := [image for image in images if (root / image.path).exists()]:
            return root, there
    return beside, []
