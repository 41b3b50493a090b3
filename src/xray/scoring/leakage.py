"""Find duplicates among scored images, and between them and the training images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xray.data.duplicates import exact_duplicates, near_duplicates
from xray.data.index.base import ImageRecord
from xray.data.split_record import images_from_json
from xray.runs.checkpoint import TRAINED_KEY, Checkpoint

if TYPE_CHECKING:
    from xray.data.image_data import ImageData

MAX_IMAGES = 20_000
"""All pairs are compared, which takes a minute for this many; with more, only the scored images are."""
MIN_SIZE = 64
"""Smaller images are too coarse to recognise a copy."""


def find_duplicates(checkpoint: Checkpoint, data: "ImageData", split: str) -> list[dict[str, Any]]:
    """Find images of a split that duplicate another one or a training image, and note what was not compared.

    Training images are looked up where they were at training, or next to the split.

    Args:
        checkpoint: The checkpoint that scores the split.
        data: Set up for the split.
        split: Name of the split.

    Returns:
        For each pair: `kind` ("same file" or "near duplicate"), the path of the `first`, a scored image, and of the
        `second`, their `similarity` up to 1, and `with`: the split of the second image, or "training".
    """
    images = data.images[split]
    paths, pixels = data.files(split), data.grey_images(split)
    root, trained = _trained_images(checkpoint, data.root)
    if trained and len(images) + len(trained) <= MAX_IMAGES:
        decoded, kept = data.decode_files(
            [f"{root}/{image.path}" for image in trained], [image.digest for image in trained]
        )
        pixels = np.concatenate([pixels, decoded])
        trained = [trained[i] for i in kept]
        paths += [f"{root}/{image.path}" for image in trained]
    else:
        reason = "there are too many" if trained else "they are no longer there"
        data.note(f"The training images were not searched for near duplicates: {reason}.")
        trained = []
    digests = [image.digest for image in (*images, *trained)]
    pairs = [
        (group[0], other, 1.0) for group in exact_duplicates(digests) for other in group[1:] if group[0] < len(images)
    ]
    if data.image_size >= MIN_SIZE:
        pairs += [
            (first, second, similarity)
            for first, second, similarity in near_duplicates(pixels)
            if first < len(images) and digests[first] != digests[second]
        ]
    else:
        data.note(f"Near duplicates were not searched for: images of {data.image_size} pixels are too coarse.")
    copies = {first for first, second, _ in pairs if second >= len(images)}
    if copies:
        data.note(f"{len(copies)} of {len(images)} images duplicate a training image: the results are too optimistic.")
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


def _trained_images(checkpoint: Checkpoint, other_root: Path) -> tuple[Path, Sequence[ImageRecord]]:
    """Return the training images that still exist, and the folder that they are in."""
    images = images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))
    for root in (checkpoint.data_folder, other_root):
        if existing := [image for image in images if (root / image.path).exists()]:
            return root, existing
    return other_root, []
