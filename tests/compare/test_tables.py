"""Tables and sentences in the terminal and in Markdown."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from tests.compare.conftest import draw, scored_set, shared

from xray import NOTICE
from xray.compare.metrics import compared_metrics
from xray.compare.statistics import compare_runs
from xray.compare.tables import Grid, as_markdown, grids, p_value, print_comparison, sentences, signed

HOSTILE = "[red]x[/red] [/] :smile: a|b <script>alert(1)</script> `c` *d* _e_ [f](javascript:g) $h$ \\"


def comparison_of(count=2, metric="auroc", names=(), sources=None):
    labels, patients, logits = draw()
    scores = [logits + i * np.random.default_rng(i).normal(0, 1, len(labels)) for i in range(count)]
    images = shared(labels, patients, *scores, sources=sources)
    runs = [replace(run, name=name) for run, name in zip(images.runs, names, strict=False)]
    return compare_runs(replace(images, runs=[*runs, *images.runs[len(runs) :]]), compared_metrics(metric), 99)


def of_seeds(*configs):
    return [scored_set(*draw(), seed=seed, model={"lr": rate}).source for rate, seed in configs]


def printed(comparison, capsys):
    print_comparison(comparison)
    return capsys.readouterr().out


def cells(line):
    """Split a row of Markdown at the bars that are not escaped."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_tables_have_every_metric(capsys):
    result = comparison_of(3)
    markdown, out = as_markdown(result, "roc.png"), printed(result, capsys)
    for text in (markdown, out):
        for name, metric in result["metrics"].items():
            assert metric["title"] in text
            for values in [run["metrics"][name] for run in result["runs"]]:
                assert f"{values['value']:.4f}" in text
                assert f"{values['low']:.4f} to {values['high']:.4f}" in text
            for values in [pair["metrics"][name] for pair in result["pairs"]]:
                assert f"{values['difference']:+.4f}" in text
                assert f"{values['low']:+.4f} to {values['high']:+.4f}" in text
                assert values["conclusion"] in text
        for pair in result["pairs"]:
            assert p_value(pair["metrics"]["auroc"]["delong_p"]) in text.replace("&lt;", "<")
        assert NOTICE in text


def test_metric_asked_for_comes_first_in_each_table():
    for grid in grids(comparison_of(metric="f1"))[1:]:
        assert [row[0] for row in grid.rows if row[0]][:2] == ["F1", "AUROC"]


def test_settings_that_differ_come_after_the_runs():
    changes = {f"key{i}": i for i in range(20)}
    sources = [
        scored_set(*draw(), model={"lr": 0.1, "name": "a" * 99}).source,
        scored_set(*draw(), model={"lr": 0.2, "name": "b" * 99}).source,
    ]
    few = grids(comparison_of(sources=sources))[1]
    assert few.columns == ("Setting", "A", "B")
    assert [row[0] for row in few.rows] == ["model.lr", "model.name"]
    assert few.rows[0][1:] == ("0.1", "0.2")
    assert max(len(value) for value in few.rows[1]) == 40
    many = grids(comparison_of(sources=[sources[0], scored_set(*draw(), trainer=changes).source]))[1]
    assert len(many.rows) == 12
    assert many.rows[-1][0] == "and 10 more, in comparison.json"


def test_says_which_settings_are_equal_or_unknown():
    known, unknown = scored_set(*draw()).source, {"threshold": 0.5}
    texts = {
        names: " ".join(sentences(comparison_of(len(sources), sources=sources)))
        for names, sources in {
            "equal": [known, known],
            "one": [known, unknown],
            "all": [unknown, unknown],
            "others": [known, known, unknown],
        }.items()
    }
    assert {name for name, text in texts.items() if "No setting differs" in text} == {"equal", "others"}
    assert "settings of B were not recorded" in texts["one"]
    assert "settings of A, B were not recorded" in texts["all"]


def test_rows_of_markdown_tables_have_equal_columns():
    result = comparison_of(4, names=[HOSTILE], sources=of_seeds((1, 1), (1, 2), (2, 1), (2, 2)))
    tables = [part.splitlines() for part in as_markdown(result, "roc.png").split("\n\n") if part.startswith("|")]
    assert len(tables) == 6
    for table in tables:
        assert len({len(cells(line)) for line in table}) == 1
        assert all(set(cell) <= {":", "-"} for cell in cells(table[1]))


def test_names_are_plain_text_in_the_terminal(capsys):
    assert HOSTILE in printed(comparison_of(names=[HOSTILE]), capsys)


def test_names_are_escaped_in_markdown():
    text = as_markdown(comparison_of(names=[HOSTILE]), "roc.png")
    assert "<script>" not in text
    for mark in "`*_[]|$":
        line = next(line for line in text.splitlines() if "script" in line)
        name = cells(line)[1]
        assert re.search(rf"(?<!\\){re.escape(mark)}", name) is None
    assert name.endswith("\\\\")


def test_output_to_a_file_is_neither_wrapped_nor_coloured(capsys):
    name = "n" * 300
    out = printed(comparison_of(names=[name]), capsys)
    assert name in out
    assert "\x1b" not in out


def test_long_names_are_folded_in_a_terminal(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **kinds: Console(file=screen, force_terminal=True, width=80))
    print_comparison(comparison_of(names=["n" * 300]))
    rows = [line for line in re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue()).splitlines() if "│" in line]
    assert max(map(len, rows)) <= 80
    assert sum(line.count("n" * 10) for line in rows) > 5


def test_undefined_metrics_have_a_reason(capsys):
    labels, patients, logits = draw()
    images = shared(np.zeros_like(labels), patients, logits, -logits, sources=of_seeds((1, 1), (1, 2)))
    result = compare_runs(images, compared_metrics("auroc"), 99)
    for text in (as_markdown(result, "roc.png"), printed(result, capsys)):
        assert "not defined for these images" in text
        assert "None" not in text
        assert "nan" not in text


def test_direction_of_metrics_is_told():
    assert "higher is better, but lower for Brier score." in " ".join(sentences(comparison_of()))


def test_threshold_that_was_not_fitted_is_marked():
    assert [row[3] for row in grids(comparison_of())[0].rows] == ["0.5000 (not fitted)"] * 2
    assert [row[3] for row in grids(comparison_of(sources=of_seeds((1, 1), (1, 2))))[0].rows] == ["0.5000"] * 2


def test_notes_are_among_the_sentences():
    result = comparison_of() | {"notes": ["something of the images"]}
    assert "something of the images" in sentences(result)


def test_tables_of_seeds_only_with_several_seeds():
    assert len(grids(comparison_of(2, sources=of_seeds((1, 1), (2, 1))))) == 4
    # A single config is not compared with another.
    assert len(grids(comparison_of(2, sources=of_seeds((1, 1), (1, 2))))) == 5
    result = comparison_of(3, sources=of_seeds((1, 1), (1, 2), (2, 1)))
    *_, configs, differences = grids(result)
    assert isinstance(configs, Grid)
    assert [row[:3] for row in configs.rows[:2]] == [("AUROC", "A B", "2"), ("", "C", "1")]
    assert configs.rows[0][5] == f"{result['configs'][0]['metrics']['auroc']['over_seeds']['sd']:.4f}"
    assert configs.rows[1][5] == ""
    assert [row[1] for row in differences.rows] == ["A B - C"] * len(result["metrics"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "not defined"), (0.0009, "< 0.001"), (0.001, "0.001"), (0.0512, "0.051"), (1.0, "1.000")],
)
def test_p_value_has_three_decimals(value, shown):
    assert p_value(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "not defined"), (0.1, "+0.1000"), (-0.00123, "-0.0012")])
def test_difference_has_its_sign(value, shown):
    assert signed(value, "auroc") == shown
