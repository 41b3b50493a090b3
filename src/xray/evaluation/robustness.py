"""AUROC, sensitivity and specificity under image corruptions."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.metrics import main_metrics
from xray.evaluation.resampling import Patients, estimates
from xray.evaluation.scaling import Scaling

RESAMPLES_PER_POINT = 500
"""Fewer than for a metric: there are many points, which are looked at, not quoted."""


def robustness_metrics(
    labels: Labels,
    logits: Scores,
    corrupted: Mapping[str, Scores],
    scaling: Scaling,
    threshold: float,
    patients: Patients,
) -> dict[str, list[dict[str, Any]]]:
    """Return the metrics at each strength of each corruption, at an unchanged threshold.

    Args:
        labels: 0 or 1, shape (images,).
        logits: Logits of the unchanged images (strength 0), shape (images,).
        corrupted: Logits of the corrupted images by `name_strength`, each of shape (images,).
        scaling: Of logits to probabilities.
        threshold: Decision threshold, a probability.
        patients: The patient of each image.

    Returns:
        For each corruption one row per strength, ascending from 0; empty if there are no corrupted images.
    """
    if not corrupted:
        return {}
    unchanged = {"strength": 0} | _point(labels, logits, scaling, threshold, patients)
    curves: dict[str, list[dict[str, Any]]] = defaultdict(lambda: [unchanged])
    for key, corrupted_logits in corrupted.items():
        name, _, strength = key.rpartition("_")
        point = _point(labels, corrupted_logits, scaling, threshold, patients)
        curves[name].append({"strength": int(strength)} | point)
    return {name: sorted(rows, key=lambda row: int(row["strength"])) for name, rows in curves.items()}


def _point(labels: Labels, logits: Scores, scaling: Scaling, threshold: float, patients: Patients) -> dict[str, Any]:
    decisions = (scaling.probability(logits) >= threshold).astype(np.int64)
    values = estimates(patients, main_metrics(labels, logits, decisions), RESAMPLES_PER_POINT)
    return {name: value.as_dict() for name, value in values.items()}
