"""Write a comparison as tables and sentences, for the terminal and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xray import NOTICE, ONE_SOURCE
from xray.report.terminal import format_interval, format_value
from xray.utils.text import escape_markdown

SPREAD = ("sd", "low", "high")
"""Keys of the columns after the mean over seeds, see `xray.compare.seeds.Spread`."""


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
    tables = [_runs(comparison), _pairs(comparison)]
    if comparison["configs"]:
        tables.append(_configs(comparison))
    if comparison["config_pairs"]:
        tables.append(_config_pairs(comparison))
    return tables


def sentences(comparison: Mapping[str, Any]) -> list[str]:
    """Return sentences on how to read the tables and on their limits."""
    title, better = comparison["title"], "higher" if comparison["higher_is_better"] else "lower"
    lines = [
        f"A difference is the {title} of the first minus that of the second on the same images ({better} is better). "
        f"Its interval comes from {comparison['method']['resamples']:,} resamples of patients, the same for both. If "
        "it includes zero, no difference is shown, which does not mean that there is none.",
    ]
    if len(comparison["pairs"]) + len(comparison["config_pairs"]) > 1:
        lines.append(
            "Intervals and p are not adjusted for multiple comparisons: about one in twenty 95% intervals misses the "
            "true value by chance."
        )
    if any("delong_p" in pair for pair in comparison["pairs"]):
        lines.append("DeLong's p assumes one image per patient: it is too low where patients have several.")
    if comparison["metric"] not in {"auroc", "average_precision", "brier"}:
        lines.append(f"Each run uses its own threshold: {', '.join(map(_threshold, comparison['runs']))}.")
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
    lines = [f"# {comparison['title']} of {len(comparison['runs'])} runs on the same images", ""]
    for grid in grids(comparison):
        rule = [":---" if i in grid.text_columns else "---:" for i in range(len(grid.columns))]
        rows = [[escape_markdown(cell) for cell in row] for row in (grid.columns, *grid.rows)]
        table = [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]
        lines += [f"## {escape_markdown(grid.title)}", "", *table, ""]
    lines += [f"![ROC curves of all runs]({figure})", ""]
    lines += [f"- {escape_markdown(sentence)}" for sentence in sentences(comparison)]
    return "\n".join(lines) + "\n"


def signed(value: float | None) -> str:
    """Format a difference with four decimals and its sign."""
    return "not defined" if value is None else f"{value:+.4f}"


def p_value(value: float | None) -> str:
    """Format a p-value with three decimals."""
    if value is None:
        return "not defined"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _runs(comparison: Mapping[str, Any]) -> Grid:
    images = ", ".join(f"{count} {name}" for name, count in comparison["images_by_class"].items())
    rows = [
        (
            run["letter"],
            run["name"],
            "" if run["seed"] is None else str(run["seed"]),
            format_value(run["value"]["value"]),
            _interval_or_reason(run["value"]),
        )
        for run in comparison["runs"]
    ]
    return Grid(
        f"{comparison['title']} on {comparison['images']} images of {comparison['patients']} patients ({images})",
        ("", "Run", "Seed", comparison["title"], "95% interval"),
        rows,
        frozenset({0, 1}),
    )


def _pairs(comparison: Mapping[str, Any]) -> Grid:
    has_p = any("delong_p" in pair for pair in comparison["pairs"])
    rows = [_difference_row(pair, *([p_value(pair["delong_p"])] if has_p else [])) for pair in comparison["pairs"]]
    columns = ("Pair", "Difference", "95% interval", *(["DeLong's p"] if has_p else []), "Result")
    return Grid(f"Paired differences of {comparison['title']}", columns, rows, frozenset({0, len(columns) - 1}))


def _configs(comparison: Mapping[str, Any]) -> Grid:
    rows = [
        (
            config["runs"],
            str(config["over_seeds"]["n"]),
            format_value(config["over_seeds"]["mean"]),
            _interval_or_reason(config["mean"]),
            *("" if config["over_seeds"][key] is None else format_value(config["over_seeds"][key]) for key in SPREAD),
        )
        for config in comparison["configs"]
    ]
    columns = ("Runs", "Seeds", "Mean", "95% interval", "SD", "Lowest", "Highest")
    return Grid(f"{comparison['title']} over seeds of one config", columns, rows, frozenset({0}))


def _config_pairs(comparison: Mapping[str, Any]) -> Grid:
    rows = [
        _difference_row(pair, "" if pair["sd_over_seeds"] is None else format_value(pair["sd_over_seeds"]))
        for pair in comparison["config_pairs"]
    ]
    columns = ("Means over seeds", "Difference", "95% interval", "Spread by seed", "Result")
    return Grid(f"Differences of mean {comparison['title']}", columns, rows, frozenset({0, 4}))


def _difference_row(pair: Mapping[str, Any], *more: str) -> list[str]:
    value, low, high = (pair["difference"][key] for key in ("value", "low", "high"))
    interval = "" if low is None or high is None else f"{signed(low)} to {signed(high)}"
    return [f"{pair['first']} - {pair['second']}", signed(value), interval, *more, pair["conclusion"]]


def _threshold(run: Mapping[str, Any]) -> str:
    return f"{run['letter']} {run['threshold']:.4f}{'' if run['threshold_fitted'] else ' (not fitted)'}"


def _interval_or_reason(estimate: Mapping[str, Any]) -> str:
    return format_interval(estimate) or estimate.get("reason", "")
