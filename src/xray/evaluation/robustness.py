"""How AUROC and specificity hold under corruption of the images; functions on arrays."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from xray.evaluation.calibration import probability_of
from xray.evaluation.metrics import Confusion
from xray.evaluation.ranking import Labels, Ranking, Scores, Values, Weights
from xray.evaluation.resampling import Patients, estimates

RESAMPLES_PER_POINT = 500
"""Fewer than a figure has: there are some forty points, which are looked at, not quoted."""


def robustness_figures(
    labels: Labels,
    logits: Scores,
    corrupted: Mapping[str, Scores],
    temperature: float,
    threshold: float,
    patients: Patients,
) -> dict[str, list[dict[str, Any]]]:
    """AUROC and specificity at each strength of each corruption, the operating point staying where it is.

    Args:
        labels: 0 or 1, shape (images,).
        logits: Of the images as they are, shape (images,): strength 0.
        corrupted: Logits of the corrupted images by `name_strength`, each of shape (images,).
        temperature: Divides the logits.
        threshold: The operating point, a probability.
        patients: Whose images they are.

    Returns:
        By corruption one row for each strength, ascending from 0; empty where nothing was corrupted.
    """
    curves: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if not corrupted:
        return {}
    whole = _point(labels, logits, temperature, threshold, patients)
    for key, changed in corrupted.items():
        name, _, strength = key.rpartition("_")
        if not curves[name]:
            curves[name].append({"strength": 0} | whole)
        curves[name].append({"strength": int(strength)} | _point(labels, changed, temperature, threshold, patients))
    return {name: sorted(rows, key=lambda row: int(row["strength"])) for name, rows in curves.items()}


def _point(labels: Labels, logits: Scores, temperature: float, threshold: float, patients: Patients) -> dict[str, Any]:
    decisions = (probability_of(logits, temperature) >= threshold).astype(np.int64)
    ranking = Ranking.of(labels, logits)

    def figures(weights: Weights) -> dict[str, Values]:
        confusion = Confusion.of(labels, decisions, weights)
        return {
            "auroc": ranking.auroc(weights),
            "sensitivity": confusion.sensitivity,
            "specificity": confusion.specificity,
        }

    found = estimates(patients, figures, RESAMPLES_PER_POINT)
    return {name: value.as_dict() for name, value in found.items()}
