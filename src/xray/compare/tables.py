"""Write a comparison as tables and sentences, for the terminal and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.registry import METRICS
from xray.report.summary_text import format_of, interval
from xray.utils.text import escape_markdown, shortened

SPREAD = ("sd", "low", "high")
"""Keys of the columns after the mean over seeds, see `xray.compare.seeds.Spread`."""
MAX_SETTINGS = 12
"""Rows of the table of settings; comparison.json has all."""
MAX_VALUE = 40
"""Characters of a setting's value."""


@dataclass(frozen=True)
class Grid:
    """A table of plain texts.

    Args:
        title: Title.
        columns: Column headings.
        rows: One text for each column.
        text_columns: Positions of left-aligned text columns; the others hold right-aligned numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: frozenset[int]


def grids(comparison: Mapping[str, Any]) -> list[Grid]:
    """Return the tables of a comparison, see `xray.compare.statistics.compare_runs`."""
    tables = [_runs(comparison)]
    if comparison["settings"]:
        tables.append(_settings(comparison))
    tables += [_values(comparison), _pairs(comparison)]
    if comparison["configs"]:
        tables.append(_configs(comparison))
    if comparison["config_pairs"]:
        tables.append(_config_pairs(comparison))
    return tables


def sentences(comparison: Mapping[str, Any]) -> list[str]:
    """Return sentences on how to read the tables and on their limits."""
    unknown = comparison["settings_unknown"]
    lines = [f"The settings of {', '.join(unknown)} were not recorded."] if unknown else []
    if not comparison["settings"] and len(unknown) < len(comparison["runs"]) - 1:
        lines.append("No setting differs between the runs.")
    lower = ", ".join(metric["title"] for metric in comparison["metrics"].values() if not metric["higher_is_better"])
    lines += [
        "A difference is the first minus the second on the same images; higher is better"
        f"{f', but lower for {lower}' if lower else ''}. Its interval comes from "
        f"{comparison['method']['resamples']:,} resamples of patients, the same for both. If it includes zero, no "
        "difference is shown, which does not mean that there is none.",
        "Intervals and p are not adjusted for multiple comparisons: about one in twenty 95% intervals misses the true "
        "value by chance.",
        "DeLong's p assumes one image per patient: it is too low where patients have several.",
    ]
    if comparison["configs"]:
        lines.append(
            "Over seeds: mean, standard deviation (n - 1) and range of one config's runs. The interval of a mean "
            "covers other patients, with the same seeds."
        )
    if comparison["config_pairs"]:
        lines.append(
            "The spread of a difference is the standard deviation between single runs that is due to seeds alone."
        )
    return [*lines, *comparison["notes"], f"{NOTICE} {ONE_SOURCE}"]


def print_comparison(comparison: Mapping[str, Any]) -> None:
    """Print tables and sentences; without colours or wrapping if the output is not a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console = Console(soft_wrap=True, width=1000)
    for grid in grids(comparison):
        table = Table(title=Text(grid.title, style="bold"), title_justify="left")
        for i, column in enumerate(grid.columns):
            table.add_column(Text(column), justify="left" if i in grid.text_columns else "right", overflow="fold")
        for row in grid.rows:
            # Text rather than markup: a name may contain brackets or an emoji code.
            table.add_row(*map(Text, row))
        console.print(table)
    for sentence in sentences(comparison):
        console.print(Text(sentence))


def as_markdown(comparison: Mapping[str, Any], figure: str) -> str:
    """Return tables and sentences as Markdown, with a link to the figure."""
    lines = [f"# {len(comparison['runs'])} runs on the same images", ""]
    for grid in grids(comparison):
        rule = [":---" if i in grid.text_columns else "---:" for i in range(len(grid.columns))]
        rows = [[escape_markdown(cell) for cell in row] for row in (grid.columns, *grid.rows)]
        table = [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]
        lines += [f"## {escape_markdown(grid.title)}", "", *table, ""]
    lines += [f"![ROC curves of all runs]({figure})", ""]
    lines += [f"- {escape_markdown(sentence)}" for sentence in sentences(comparison)]
    return "\n".join(lines) + "\n"


def signed(value: float | None, name: str) -> str:
    """Format a difference of a metric with its sign."""
    metric = METRICS[name]
    if value is None:
        return "not defined"
    return f"{value:+.1%}" if metric.percent else f"{value:+.{metric.digits}f}"


def p_value(value: float | None) -> str:
    """Format a p-value with three decimals."""
    if value is None:
        return "not defined"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _runs(comparison: Mapping[str, Any]) -> Grid:
    images = ", ".join(f"{count} {name}" for name, count in comparison["images_by_class"].items())
    rows = [
        (run["letter"], run["name"], "" if run["seed"] is None else str(run["seed"]), _threshold(run))
        for run in comparison["runs"]
    ]
    title = f"Runs, tested on {comparison['images']} images of {comparison['patients']} patients ({images})"
    return Grid(title, ("", "Run", "Seed", "Threshold"), rows, frozenset({0, 1}))


def _settings(comparison: Mapping[str, Any]) -> Grid:
    every = comparison["settings"]
    shown = every if len(every) <= MAX_SETTINGS else every[: MAX_SETTINGS - 1]
    rows = [(row["setting"], *(shortened(value, MAX_VALUE) for value in row["values"])) for row in shown]
    if len(shown) < len(every):
        rows.append((f"and {len(every) - len(shown)} more, in comparison.json", *("" for _ in comparison["runs"])))
    columns = ("Setting", *(run["letter"] for run in comparison["runs"]))
    return Grid("Settings that differ", columns, rows, frozenset(range(len(columns))))


def _values(comparison: Mapping[str, Any]) -> Grid:
    rows = [
        (title, run["letter"], format_of(name)(run["metrics"][name]["value"]), _interval(run["metrics"][name], name))
        for name in comparison["metrics"]
        for title, run in _headed(name, comparison["runs"])
    ]
    return Grid("Metrics", ("Metric", "Run", "Value", "95% interval"), rows, frozenset({0, 1}))


def _pairs(comparison: Mapping[str, Any]) -> Grid:
    rows = [
        (title, *_difference(pair, name, p_value(pair["metrics"][name]["delong_p"]) if name == "auroc" else ""))
        for name in comparison["metrics"]
        for title, pair in _headed(name, comparison["pairs"])
    ]
    columns = ("Metric", "Pair", "Difference", "95% interval", "DeLong's p", "Result")
    return Grid("Paired differences", columns, rows, frozenset({0, 1, 5}))


def _configs(comparison: Mapping[str, Any]) -> Grid:
    rows = []
    for name in comparison["metrics"]:
        write = format_of(name)
        for title, config in _headed(name, comparison["configs"]):
            metric = config["metrics"][name]
            spread = metric["over_seeds"]
            rows.append(
                (
                    *(title, config["runs"], str(spread["n"]), write(spread["mean"]), _interval(metric, name)),
                    *("" if spread[key] is None else write(spread[key]) for key in SPREAD),
                )
            )
    columns = ("Metric", "Runs", "Seeds", "Mean", "95% interval", "SD", "Lowest", "Highest")
    return Grid("Over seeds of one config", columns, rows, frozenset({0, 1}))


def _config_pairs(comparison: Mapping[str, Any]) -> Grid:
    rows = []
    for name in comparison["metrics"]:
        for title, pair in _headed(name, comparison["config_pairs"]):
            sd = pair["metrics"][name]["sd_over_seeds"]
            rows.append((title, *_difference(pair, name, "" if sd is None else format_of(name)(sd))))
    columns = ("Metric", "Means over seeds", "Difference", "95% interval", "Spread by seed", "Result")
    return Grid("Differences of means", columns, rows, frozenset({0, 1, 5}))


def _headed(name: str, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the rows of a metric, its title before the first of them only."""
    return [("" if i else METRICS[name].title, row) for i, row in enumerate(rows)]


def _difference(pair: Mapping[str, Any], name: str, more: str) -> list[str]:
    metric = pair["metrics"][name]
    value, low, high = (metric[key] for key in ("difference", "low", "high"))
    interval = "" if low is None or high is None else f"{signed(low, name)} to {signed(high, name)}"
    return [f"{pair['first']} - {pair['second']}", signed(value, name), interval, more, metric["conclusion"]]


def _threshold(run: Mapping[str, Any]) -> str:
    return f"{run['threshold']:.4f}{'' if run['threshold_fitted'] else ' (not fitted)'}"


def _interval(metric: Mapping[str, Any], name: str) -> str:
    return interval(metric, format_of(name)) or metric.get("reason", "")
