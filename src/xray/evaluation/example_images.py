"""Which images of a predictions table are worth a map, chosen from the table alone."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from xray.evaluation.metrics import as_numbers
from xray.evaluation.predictions import Predictions

OF_EACH: Final = 4
"""Images shown of each kind of decision."""


def choose_images(table: Predictions, class_names: Sequence[str]) -> list[int]:
    """Ordinary right decisions and the worst wrong ones.

    Of the images that were rightly called positive, and of those rightly called negative, the four whose logits lie
    nearest to the median of their kind; of the missed and of the falsely called ones the four that the model was surest
    of. One image of each patient and kind; equals in the order of the table.

    Args:
        table: Predictions with labels.
        class_names: Negative class, positive class.

    Returns:
        Rows: true positives, true negatives, false negatives, false positives.
    """
    labels, decisions = as_numbers(table.label, class_names), as_numbers(table.decision, class_names)
    chosen: list[int] = []
    for label, decision in ((1, 1), (0, 0), (1, 0), (0, 1)):
        rows = np.flatnonzero((labels == label) & (decisions == decision))
        if not len(rows):
            continue
        logits = table.logit[rows]
        rank = np.abs(logits - np.median(logits)) if label == decision else (2 * label - 1) * logits
        chosen += _of_different_patients(table, rows[np.argsort(rank, kind="stable")].tolist())
    return chosen


def _of_different_patients(table: Predictions, rows: Sequence[int]) -> list[int]:
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(table.patient[row], row)
    return list(first.values())[:OF_EACH]
