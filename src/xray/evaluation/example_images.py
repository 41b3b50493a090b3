"""Choose example images for Grad-CAM maps from a predictions table."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from xray.evaluation.metrics import class_indices
from xray.evaluation.predictions import Predictions

IMAGES_PER_KIND: Final = 4
"""Examples per kind of decision."""


def choose_images(table: Predictions, class_names: Sequence[str]) -> list[int]:
    """Choose typical correct decisions and the worst errors.

    True positives and true negatives: the four with logits nearest to the median of their kind. False negatives and
    false positives: the four most confident. One image per patient and kind; ties in table order. Returns the row
    numbers of true positives, true negatives, false negatives and false positives, in this order.
    """
    labels, decisions = class_indices(table.label, class_names), class_indices(table.decision, class_names)
    chosen: list[int] = []
    for label, decision in ((1, 1), (0, 0), (1, 0), (0, 1)):
        rows = np.flatnonzero((labels == label) & (decisions == decision))
        if not len(rows):
            continue
        logits = table.logit[rows]
        rank = np.abs(logits - np.median(logits)) if label == decision else (2 * label - 1) * logits
        first_of_patient: dict[str, int] = {}
        for row in rows[np.argsort(rank, kind="stable")].tolist():
            first_of_patient.setdefault(table.patient[row], row)
        chosen += list(first_of_patient.values())[:IMAGES_PER_KIND]
    return chosen
