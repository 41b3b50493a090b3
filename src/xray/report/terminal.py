"""Print the main metrics of a scored set as tables in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.registry import METRICS
from xray.evaluation.scaling import Scaling
from xray.report.summary_text import format_of, interval


def print_summary(summary: Mapping[str, Any], title: str) -> None:
    """Print where the decision does not hold, the main metrics, the decisions, and shortcuts and rejections."""
    metrics = Table(title=escape(title), title_justify="left", title_style="bold")
    for column in ("Metric", "Value", "95% interval"):
        metrics.add_column(column, justify="left" if column == "Metric" else "right")
    for name, entry in METRICS.items():
        if entry.printed:
            metric, form = summary["metrics"][name], format_of(name, summary)
            metrics.add_row(escape(entry.title), form(metric["value"]), interval(metric, form))
    metrics.add_section()
    metrics.add_row("Images, patients", f"{summary['images']}, {summary['patients']}", "")
    metrics.add_row("Threshold", f"{summary['threshold']:.4f}", "")
    metrics.add_row("Scaling", str(Scaling.of(summary)), "")
    matrix = Table(title="Decisions", title_justify="left")
    negative, positive = map(escape, summary["class_names"])
    for column in ("Label", negative, positive):
        matrix.add_column(column, justify="left" if column == "Label" else "right")
    counts = summary["confusion_matrix"]
    matrix.add_row(negative, str(counts["tn"]), str(counts["fp"]))
    matrix.add_row(positive, str(counts["fn"]), str(counts["tp"]))
    console = Console(soft_wrap=True)
    for sentence in summary["validation_gap"].get("sentences", ()):
        console.print(sentence, style="bold red", markup=False, highlight=False)
    console.print(metrics, matrix, sep="\n")
    # A table of another model has neither baselines nor rejections, but notes on what was assumed.
    of_model = [*summary["shortcuts"]["sentences"], summary["rejections"]["sentence"]]
    sentences = summary["source"]["notes"] if summary["source"].get("table") else of_model
    for sentence in (*sentences, f"{NOTICE} {ONE_SOURCE}"):
        console.print(sentence, markup=False, highlight=False)
