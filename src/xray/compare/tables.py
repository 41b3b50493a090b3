"""A comparison as tables and sentences, for the terminal and as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xray import NOTICE, ONE_SOURCE
from xray.evaluation.terminal import interval, written
from xray.utils.text import markdown

SPREAD = ("sd", "low", "high")
"""Columns behind the mean over seeds, see `xray.compare.seeds.Spread`."""


@dataclass(frozen=True)
class Grid:
    """A table of texts, as yet without any marks.

    Args:
        title: What it shows.
        columns: Heads of the columns.
        rows: A text for each column.
        words: Which columns hold words, at the left; the others hold numbers, at the right.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: frozenset[int]


def grids(found: Mapping[str, Any]) -> list[Grid]:
    """The tables of a comparison, see `xray.compare.statistics.compare_runs`."""
    tables = [_runs(found), _pairs(found)]
    if found["configs"]:
        tables.append(_configs(found))
    if found["config_pairs"]:
        tables.append(_config_pairs(found))
    return tables


def sentences(found: Mapping[str, Any]) -> list[str]:
    """How to read the tables, and what they do not say."""
    title, better = found["title"], "higher" if found["higher_is_better"] else "lower"
    told = [
        f"A difference is the first's {title} less the second's on the same images ({better} is better); its interval "
        f"comes from {found['method']['resamples']:,} resamples of patients, the same for both, and where it holds "
        "zero no difference is shown, which does not mean that there is none.",
    ]
    if len(found["pairs"]) + len(found["config_pairs"]) > 1:
        told.append("Intervals and p are not adjusted for several comparisons: of twenty, about one misses by chance.")
    if any("delong_p" in pair for pair in found["pairs"]):
        told.append("DeLong's p takes every image for a patient of its own: it is too low where patients have several.")
    if found["metric"] not in {"auroc", "average_precision", "brier"}:
        told.append(f"Each run decides at its own threshold: {', '.join(map(_threshold, found['runs']))}.")
    if found["configs"]:
        told.append(
            "Over seeds: mean, standard deviation (n - 1) and range of one config's runs. The interval of a mean tells "
            "of other patients, with these very seeds."
        )
    if found["config_pairs"]:
        told.append(
            "The spread of a difference is the standard deviation that seeds alone would give it between single runs."
        )
    return [*told, *found["notes"], f"{NOTICE} {ONE_SOURCE}"]


def print_comparison(found: Mapping[str, Any]) -> None:
    """Print tables and sentences; without colours and never narrowed where nobody looks at a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=True)
    if not console.is_terminal:
        console = Console(soft_wrap=True, width=1000)
    for grid in grids(found):
        table = Table(title=Text(grid.title, style="bold"), title_justify="left")
        for i, column in enumerate(grid.columns):
            table.add_column(Text(column), justify="left" if i in grid.words else "right", overflow="fold")
        for row in grid.rows:
            # Texts, not marked-up strings: a name may hold brackets or the code of an emoji.
            table.add_row(*map(Text, row))
        console.print(table)
    for sentence in sentences(found):
        console.print(Text(sentence))


def as_markdown(found: Mapping[str, Any], figure: str) -> str:
    """Tables and sentences in Markdown, with the figure's file."""
    lines = [f"# {found['title']} of {len(found['runs'])} runs on the same images", ""]
    for grid in grids(found):
        rule = [":---" if i in grid.words else "---:" for i in range(len(grid.columns))]
        rows = [[markdown(cell) for cell in row] for row in (grid.columns, *grid.rows)]
        table = [f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:])]
        lines += [f"## {markdown(grid.title)}", "", *table, ""]
    lines += [f"![ROC curves of all runs]({figure})", ""]
    lines += [f"- {markdown(sentence)}" for sentence in sentences(found)]
    return "\n".join(lines) + "\n"


def signed(value: float | None) -> str:
    """A difference in four digits, with its sign."""
    return "not defined" if value is None else f"{value:+.4f}"


def p_value(value: float | None) -> str:
    """A p-value in three digits."""
    if value is None:
        return "not defined"
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _runs(found: Mapping[str, Any]) -> Grid:
    images = ", ".join(f"{count} {name}" for name, count in found["images_by_class"].items())
    rows = [
        (
            run["letter"],
            run["name"],
            "" if run["seed"] is None else str(run["seed"]),
            written(run["figure"]["value"]),
            _interval_or_reason(run["figure"]),
        )
        for run in found["runs"]
    ]
    return Grid(
        f"{found['title']} on {found['images']} images of {found['patients']} patients ({images})",
        ("", "Run", "Seed", found["title"], "95% interval"),
        rows,
        frozenset({0, 1}),
    )


def _pairs(found: Mapping[str, Any]) -> Grid:
    tested = any("delong_p" in pair for pair in found["pairs"])
    rows = [
        (
            f"{pair['first']} - {pair['second']}",
            signed(pair["difference"]["value"]),
            _signed_interval(pair["difference"]),
            *([p_value(pair["delong_p"])] if tested else []),
            pair["prediction"],
        )
        for pair in found["pairs"]
    ]
    columns = ("Pair", "Difference", "95% interval", *(["DeLong's p"] if tested else []), "ImagePrediction")
    return Grid(f"Paired differences of {found['title']}", columns, rows, frozenset({0, len(columns) - 1}))


def _configs(found: Mapping[str, Any]) -> Grid:
    rows = [
        (
            config["runs"],
            str(config["over_seeds"]["n"]),
            written(config["over_seeds"]["mean"]),
            _interval_or_reason(config["mean"]),
            *("" if config["over_seeds"][key] is None else written(config["over_seeds"][key]) for key in SPREAD),
        )
        for config in found["configs"]
    ]
    columns = ("Runs", "Seeds", "Mean", "95% interval", "SD", "Lowest", "Highest")
    return Grid(f"{found['title']} over seeds of one config", columns, rows, frozenset({0}))


def _config_pairs(found: Mapping[str, Any]) -> Grid:
    rows = [
        (
            f"{pair['first']} - {pair['second']}",
            signed(pair["difference"]["value"]),
            _signed_interval(pair["difference"]),
            "" if pair["sd_over_seeds"] is None else written(pair["sd_over_seeds"]),
            pair["prediction"],
        )
        for pair in found["config_pairs"]
    ]
    columns = ("Means over seeds", "Difference", "95% interval", "Spread by seed", "ImagePrediction")
    return Grid(f"Differences of mean {found['title']}", columns, rows, frozenset({0, 4}))


def _signed_interval(difference: Mapping[str, Any]) -> str:
    if difference["low"] is None or difference["high"] is None:
        return ""
    return f"{signed(difference['low'])} to {signed(difference['high'])}"


def _threshold(run: Mapping[str, Any]) -> str:
    return f"{run['letter']} {run['threshold']:.4f}{'' if run['threshold_fitted'] else ' (never fitted)'}"


def _interval_or_reason(found: Mapping[str, Any]) -> str:
    return interval(found) or found.get("reason", "")
