"""The figures of a test as tables for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xray import NOTICE, ONE_SOURCE

SHOWN = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "MCC",
    "f1": "F1",
    "brier": "Brier score",
    "calibration_slope": "Calibration slope",
}
"""Figures that are printed, by their names in metrics.json; the report has all."""


def print_summary(summary: Mapping[str, Any], title: str) -> None:
    """Print the figures that people ask for first.

    Args:
        summary: See `xray.evaluation.summary.summarise`.
        title: What was scored.
    """
    figures = Table(title=escape(title), title_justify="left", title_style="bold")
    for column in ("Figure", "Value", "95% interval"):
        figures.add_column(column, justify="left" if column == "Figure" else "right")
    for key, name in SHOWN.items():
        found = summary["figures"][key]
        figures.add_row(name, written(found["value"]), interval(found))
    figures.add_section()
    figures.add_row("Images, patients", f"{summary['images']}, {summary['patients']}", "")
    figures.add_row("Threshold, temperature", f"{summary['threshold']:.4f}, {summary['temperature']:.3f}", "")
    matrix = Table(title="Decisions", title_justify="left")
    negative, positive = map(escape, summary["class_names"])
    for column in ("Label", negative, positive):
        matrix.add_column(column, justify="left" if column == "Label" else "right")
    counts = summary["confusion_matrix"]
    matrix.add_row(negative, str(counts["tn"]), str(counts["fp"]))
    matrix.add_row(positive, str(counts["fn"]), str(counts["tp"]))
    console = Console(soft_wrap=True)
    console.print(figures, matrix, sep="\n")
    for sentence in (*summary["shortcuts"]["sentences"], summary["rejections"]["sentence"], f"{NOTICE} {ONE_SOURCE}"):
        console.print(sentence, markup=False, highlight=False)


def written(value: float | None) -> str:
    """A figure in four digits."""
    return "not defined" if value is None else f"{value:.4f}"


def interval(found: Mapping[str, Any]) -> str:
    """An interval, as far as it is defined."""
    if found["low"] is None:
        return ""
    return f"{written(found['low'])} to {'any' if found['high'] is None else written(found['high'])}"
