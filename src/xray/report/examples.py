"""The images that a report shows: worst errors and pairs of duplicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import numpy as np

from xray.evaluation.metrics import class_indices
from xray.evaluation.predictions import Predictions
from xray.report.embedded_image import EmbeddedImage, thumbnail

MAX_ERRORS: Final = 12
"""False negatives shown, and false positives shown."""
MAX_PAIRS: Final = 6
"""Pairs of duplicates shown as thumbnails; all others are listed as text."""


@dataclass(frozen=True)
class WrongImage:
    """A misclassified image: file name, patient, probability of the positive class, and thumbnail."""

    name: str
    patient: str
    probability: float
    thumbnail: EmbeddedImage


def worst_errors(table: Predictions, class_names: Sequence[str]) -> tuple[list[WrongImage], list[WrongImage]]:
    """Return false negatives and false positives, at most `MAX_ERRORS` of each, the most confident first."""
    labels, decisions = class_indices(table.label, class_names), class_indices(table.decision, class_names)
    # Sort by logit: many probabilities may round to exactly 0 or 1.
    order = np.argsort(table.logit, kind="stable")
    false_negatives = [int(i) for i in order if labels[i] == 1 and decisions[i] == 0]
    false_positives = [int(i) for i in order[::-1] if labels[i] == 0 and decisions[i] == 1]
    return _wrong_images(table, false_negatives), _wrong_images(table, false_positives)


def duplicate_pairs(duplicates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the duplicates, pairs with training images first, with thumbnails of the first `MAX_PAIRS` pairs."""
    ordered = sorted(duplicates, key=lambda pair: (pair["with"] != "training", -float(pair["similarity"])))
    return [
        dict(pair) | {"thumbnails": [thumbnail(pair["first"]), thumbnail(pair["second"])] if i < MAX_PAIRS else []}
        for i, pair in enumerate(ordered)
    ]


def _wrong_images(table: Predictions, rows: Sequence[int]) -> list[WrongImage]:
    return [
        WrongImage(
            PurePath(table.path[row]).name,
            table.patient[row],
            float(table.probability[row]),
            thumbnail(table.path[row]),
        )
        for row in rows[:MAX_ERRORS]
    ]
