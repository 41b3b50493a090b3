"""Evaluate a table of any model's predictions, in Python."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from xray.evaluation.summary import summarise
from xray.evaluation.user_table import read_user_table


@dataclass(frozen=True, repr=False)
class Evaluation(Mapping[str, Mapping[str, Any]]):
    """Metrics by name, with 95% intervals over patients; `evaluation["auroc"]` is a mapping of value, low and high.

    Args:
        summary: All results, as in metrics.json; see `xray.evaluation.summary.summarise`.
    """

    summary: Mapping[str, Any]

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        return self.metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.metrics)

    @property
    def metrics(self) -> Mapping[str, Mapping[str, Any]]:
        """Value, low and high of each metric by name, None where not defined, then with a reason."""
        metrics: Mapping[str, Mapping[str, Any]] = self.summary["metrics"]
        return metrics

    @property
    def notes(self) -> list[str]:
        """What was assumed or left out."""
        return list(self.summary["source"]["notes"])

    def __repr__(self) -> str:
        width = max(map(len, self.metrics))
        lines = [f"{name:<{width}}  {value:>8}  {interval}".rstrip() for name, value, interval in self._rows()]
        return "\n".join([self._title(), *lines, *self.notes])

    def _repr_html_(self) -> str:
        cells = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in self._rows())
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        head = "<tr><th>metric</th><th>value</th><th>95% interval</th></tr>"
        return f"<table><caption>{escape(self._title())}</caption>{head}{rows}</table><ul>{notes}</ul>"

    def _title(self) -> str:
        classes = " and ".join(f"{number:,} {name}" for name, number in self.summary["images_by_class"].items())
        patients, threshold = self.summary["patients"], self.summary["threshold"]
        return f"{classes} images of {patients:,} patients, threshold {threshold:.4g}"

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = []
        for name, metric in self.metrics.items():
            value, low, high = (metric[key] for key in ("value", "low", "high"))
            interval = f"{low:.4f} to {'unbounded' if high is None else f'{high:.4f}'}" if low is not None else ""
            rows.append((name, "" if value is None else f"{value:.4f}", interval or metric.get("reason", "")))
        return rows


def evaluate(
    table: Any,  # noqa: ANN401 - a data frame of any library
    threshold: float | None = None,
    class_names: tuple[str, str] | None = None,
) -> Evaluation:
    """Compute the metrics of a report for any model's predictions of images with known labels.

    Args:
        table: A data frame, a mapping of columns, or the path of a CSV file, with one row per image. Its columns:
            `label` (class names, 0 and 1, or booleans), `probability` of the positive class or `logit`, and optionally
            `patient`, `path`, `decision`, and others such as sex or site.
        threshold: Probability from which an image is predicted positive. By default the column `decision` counts, or
            0.5 without one.
        class_names: The negative and the positive class, if they are neither NORMAL and PNEUMONIA nor 0 and 1.

    Raises:
        UserError: A column is missing or has an invalid value.
    """
    return Evaluation(summarise(read_user_table(table, threshold, class_names)))
