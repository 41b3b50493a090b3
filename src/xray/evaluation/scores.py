"""Metrics of a predictions table, as JSON and as a table for the terminal."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xray import NOTICE
from xray.evaluation.metrics import summarise
from xray.evaluation.predictions import Predictions
from xray.files import write_whole

ONE_SOURCE = "A model trained on one source may be near chance on films of another."

SHOWN = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "f1": "F1",
}
"""Figures in the terminal, by their names in metrics.json."""


def score(table: Predictions, class_names: Sequence[str], threshold: float) -> dict[str, Any]:
    """All figures of a table whose labels are known.

    Args:
        table: The predictions.
        class_names: Names of the two classes, the positive one last.
        threshold: Where the decisions were made.
    """
    labels = np.array([class_names.index(label) for label in table.label], dtype=np.int64)
    decisions = np.array([class_names.index(decision) for decision in table.decision], dtype=np.int64)
    return {
        "n": len(table),
        "n_patients": len(set(table.patient)),
        **summarise(labels, table.logit, decisions),
        "threshold": threshold,
        "class_names": list(class_names),
    }


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Write metrics as JSON, whole or not at all."""
    with write_whole(path) as file:
        json.dump(metrics | {"notice": f"{NOTICE} {ONE_SOURCE}"}, file, indent=2, allow_nan=False)
        file.write("\n")


def print_metrics(metrics: dict[str, Any], title: str) -> None:
    """Print a table that people read."""
    negative, positive = metrics["class_names"]
    counts = metrics["confusion_matrix"]
    figures = Table(title=escape(title), title_justify="left", title_style="bold")
    figures.add_column("Figure")
    figures.add_column("Value", justify="right")
    for key, name in SHOWN.items():
        value = metrics[key]
        figures.add_row(name, "not defined" if value is None else f"{value:.4f}")
    figures.add_section()
    figures.add_row("Images, patients", f"{metrics['n']}, {metrics['n_patients']}")
    figures.add_row("Threshold", f"{metrics['threshold']:.4f}")
    matrix = Table(title="Decisions", title_justify="left")
    for column in ("Label", negative, positive):
        matrix.add_column(column, justify="left" if column == "Label" else "right")
    matrix.add_row(negative, str(counts["tn"]), str(counts["fp"]))
    matrix.add_row(positive, str(counts["fn"]), str(counts["tp"]))
    console = Console(soft_wrap=True)
    console.print(figures, matrix, f"{NOTICE} {ONE_SOURCE}", sep="\n")
