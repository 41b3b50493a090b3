"""Scored films that are the same picture: among themselves, or as films that the model was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xray.checkpoint import TRAINED_KEY, Checkpoint
from xray.data.duplicates import exact_duplicates, near_duplicates
from xray.data.index import Film
from xray.data.record import films_of_record

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule

MOST_FILMS = 20_000
"""All pairs are compared, which takes a minute for so many; beyond that only the scored films are."""
LEAST_SIZE = 64
"""Smaller films show too little to tell a copy by."""


def same_pictures(checkpoint: Checkpoint, data: "ChestXRayDataModule", split: str) -> list[dict[str, Any]]:
    """Find films of a split that show the same picture as another, and note what was not looked at.

    The films that the model was trained on are compared where they still are: in the run's folder, or beside the split.

    Args:
        checkpoint: What scores the split.
        data: Set up for it.
        split: Which films.

    Returns:
        For each pair its `kind` ("same file" or "near duplicate"), the path of the `first`, a scored film, and of the
        `second`, their `similarity` up to 1, and which films the second one is `with`: the split, or "training".
    """
    films = data.films[split]
    paths, pixels = data.files(split), data.grey_films(split)
    root, trained = _trained_films(checkpoint, data.root)
    if trained and len(films) + len(trained) <= MOST_FILMS:
        found, kept = data.films_elsewhere([f"{root}/{film.path}" for film in trained], [f.digest for f in trained])
        pixels = np.concatenate([pixels, found])
        trained = [trained[i] for i in kept]
        paths += [f"{root}/{film.path}" for film in trained]
    else:
        why = "there are too many" if trained else "they are no longer there"
        data.note(f"Near duplicates were not looked for among the films that the model was trained on: {why}.")
        trained = []
    digests = [film.digest for film in (*films, *trained)]
    pairs = [
        (group[0], other, 1.0) for group in exact_duplicates(digests) for other in group[1:] if group[0] < len(films)
    ]
    if data.image_size >= LEAST_SIZE:
        pairs += [
            (first, second, similarity)
            for first, second, similarity in near_duplicates(pixels)
            if first < len(films) and digests[first] != digests[second]
        ]
    else:
        data.note(f"Near duplicates were not looked for: films of {data.image_size} pixels show too little.")
    copies = {first for first, second, _ in pairs if second >= len(films)}
    if copies:
        data.note(
            f"{len(copies)} of {len(films)} films show the same picture as one that the model was trained on: the "
            "figures are too good."
        )
    return [
        {
            "kind": "same file" if digests[first] == digests[second] else "near duplicate",
            "first": paths[first],
            "second": paths[second],
            "similarity": similarity,
            "with": split if second < len(films) else "training",
        }
        for first, second, similarity in pairs
    ]


def _trained_films(checkpoint: Checkpoint, beside: Path) -> tuple[Path, Sequence[Film]]:
    """The films that the weights have seen, as far as they are still there, and below which folder."""
    films = films_of_record(checkpoint.content.get(TRAINED_KEY, "[]"))
    for root in (Path(checkpoint.config["data"]["root"]), beside):
        if there := [film for film in films if (root / film.path).exists()]:
            return root, there
    return beside, []
