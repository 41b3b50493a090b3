"""Read the course of a training as its run recorded it: `history.csv`, one row per epoch."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

HISTORY = "history.csv"
COLUMNS = ("epoch", "train/loss", "val/loss", "val/calibrated_loss", "val/auroc", "lr", "seconds")
"""Epochs count from 1; values that were not logged are empty."""
Epoch = Mapping[str, float]
"""The values of one epoch by `COLUMNS`, NaN where empty."""


def read_history(run: Path) -> list[Epoch]:
    """Return the epochs that a run recorded in its folder; empty if it has no record."""
    path = run / HISTORY
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(row.get(name) or math.nan) for name in COLUMNS} for row in csv.DictReader(file)]


def duration(epochs: Sequence[Epoch]) -> str:
    """Return the time of all epochs as text: `48 s`, `12 min` or `3 h 5 min`."""
    seconds = sum(epoch["seconds"] for epoch in epochs)
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
