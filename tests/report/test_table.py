"""The report on a table of another model's predictions."""

import json
from html import unescape
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from xray.cli import main
from xray.evaluation.registry import METRICS

CLASSES = ("NORMAL", "PNEUMONIA")


def write_table(name, seed=0, rows=40):
    rng = np.random.default_rng(seed)
    lines = ["path,label,probability,patient,sex"]
    for i in range(rows):
        probability = 1 / (1 + np.exp(-rng.normal(2 * (i % 2) - 1, 1)))
        lines.append(f"images/{i}.png,{CLASSES[i % 2]},{probability},p{i // 2 % 10},{'FM'[i // 4 % 2]}")
    Path(name).write_text("\n".join(lines) + "\n")


def test_writes_the_whole_report_of_a_table(capsys):
    write_table("mine.csv")
    assert main(["report", "mine.csv", "--threshold", "0.4"]) == 0
    folder = Path("mine")
    for name in ("report.html", "metrics.json", "model_card.md", "figures/roc.png", "predictions.csv"):
        assert (folder / name).is_file()
    page = (folder / "report.html").read_text()
    assert "mine on the images of mine.csv" in page
    # What needs images, a run or a checkpoint is left out.
    for absent in ("Grad-CAM", "No operating point", "checkpoint", "Shortcut baselines", "None recorded", "no longer"):
        assert absent not in page
    assert "library_name" not in (folder / "model_card.md").read_text()
    assert json.loads((folder / "metrics.json").read_text())["threshold"] == 0.4
    assert "sex" in (folder / "columns.csv").read_text().splitlines()[0]
    # The command that the page gives writes the same page again, and so does the one for its folder.
    command = "python -m xray report mine.csv --threshold 0.4"
    assert command in page
    for again in (command.split()[3:], ["report", "mine"]):
        assert main(again) == 0
        assert (folder / "report.html").read_text() == page


def test_shows_metrics_of_a_module(monkeypatch, capsys):
    write_table("mine.csv")
    Path("table_metrics.py").write_text(
        "from xray import register_metric\n"
        "register_metric('mean', 'Mean probability', '')(lambda labels, probability, decisions: probability.mean())\n"
    )
    monkeypatch.syspath_prepend(Path.cwd())
    command = "python -m xray report mine.csv --imports '[\"table_metrics\"]'"
    with patch.dict(METRICS):
        assert main(["report", "mine.csv", "--imports", "[table_metrics]"]) == 0
    page = unescape(Path("mine/report.html").read_text())
    assert "Mean probability" in page
    assert command in page
    assert main(["report", "mine", "--imports", "[table_metrics]"]) == 2
    assert "--imports is for the predictions of another model" in capsys.readouterr().err


def test_two_reports_on_the_same_images_are_compared(capsys):
    write_table("mine.csv")
    write_table("other.csv", seed=1)
    for name in ("mine", "other"):
        assert main(["report", f"{name}.csv"]) == 0
    assert main(["compare", "mine", "other", "--out", "compared"]) == 0
    comparison = json.loads(Path("compared/comparison.json").read_text())
    assert [run["name"] for run in comparison["runs"]] == ["mine", "other"]
    assert (comparison["images"], comparison["patients"]) == (40, 10)
    write_table("fewer.csv", rows=30)
    assert main(["report", "fewer.csv"]) == 0
    assert main(["compare", "mine", "fewer"]) == 1
    assert "--ckpt_path None" not in capsys.readouterr().err


def test_one_class_gives_a_report_with_reasons():
    Path("t.csv").write_text("label,logit\n1,0.5\n1,-0.2\n1,2\n")
    assert main(["report", "t.csv"]) == 0
    assert "not defined" in Path("t/report.html").read_text()


def test_never_overwrites_other_files(capsys):
    write_table("mine.csv")
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    assert main(["report", "mine.csv"]) == 1
    assert "holds other files" in capsys.readouterr().err
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]
    assert main(["report", "mine.csv", "--out", "new"]) == 0
    assert main(["report", "new/predictions.csv"]) == 1
    assert "belongs to the scored set new" in capsys.readouterr().err
    write_table("other.csv")
    assert main(["report", "other.csv", "--out", "new"]) == 1
    Path("plain").write_text(Path("mine.csv").read_text())
    assert main(["report", "plain"]) == 1
    assert "plain is a file: give a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [["--out", "x"], ["--threshold", "0.3"], ["--class_names", "[healthy,sick]"]],
    ids=lambda option: option[0],
)
def test_options_of_tables_are_not_ignored_for_runs(option, capsys):
    assert main(["report", "cnn", *option]) == 2
    assert f"{option[0]} is for the predictions of another model" in capsys.readouterr().err


def test_class_names_are_given_on_the_command_line():
    Path("t.csv").write_text("label,probability\nhealthy,0.1\nsick,0.8\nsick,0.4\nhealthy,0.3\n")
    assert main(["report", "t.csv", "--class_names", "[healthy,sick]"]) == 0
    assert json.loads(Path("t/metrics.json").read_text())["images_by_class"] == {"healthy": 2, "sick": 2}


def test_a_table_that_is_not_there_is_named_as_one(capsys):
    assert main(["report", "none.csv"]) == 1
    assert capsys.readouterr().err.startswith("xray: error: none.csv cannot be read (No such file or directory)")
