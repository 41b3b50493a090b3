"""An exported file must answer as its checkpoint does, on real films."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xray.data.film import read_film, resize_film
from xray.errors import UserError
from xray.files import StrPath
from xray.predictor.base import Films, Predictor

LARGEST_DIFFERENCE = 1e-4
"""In logit, between single precision here and there: sums in another order differ by some 1e-5."""


@dataclass(frozen=True)
class Verification:
    """How far an exported file is from its checkpoint.

    Args:
        films: Films compared as the network sees them.
        raw: Films compared from their pixels as stored, which the file resizes itself.
        difference: Largest difference in logit, of both.
    """

    films: int
    raw: int
    difference: float


def verify(checkpoint: Predictor, exported: Predictor, films: Films, files: Sequence[StrPath]) -> Verification:
    """Compare the logits of an exported file with those of its checkpoint.

    Args:
        checkpoint: What it was exported from.
        exported: The file.
        films: As the network sees them, shape (films, size, size).
        files: Files to be read in full and resized by the exported file.

    Returns:
        With the largest difference.

    Raises:
        UserError: It is above `LARGEST_DIFFERENCE`, or no number.
    """
    manifest = checkpoint.manifest
    differences = [np.abs(exported.logits(films) - checkpoint.logits(films))]
    for file in files:
        film = read_film(file)
        square = resize_film(film, manifest.image_size, manifest.resize)
        differences.append(np.abs(exported.logits(np.stack([film])) - checkpoint.logits(np.stack([square]))))
    found = Verification(len(films), len(files), float(np.concatenate(differences).max()))
    if not found.difference <= LARGEST_DIFFERENCE:
        raise UserError(
            f"The exported {manifest.model} differs from {checkpoint.path} by {found.difference:.2g} in logit on "
            f"{found.films} films, where at most {LARGEST_DIFFERENCE:g} is allowed: it was not kept; try the other "
            "--format."
        )
    return found
