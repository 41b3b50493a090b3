"""The `compare` command end to end."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.compare.conftest import draw, scored_set, take, write

from xray import NOTICE
from xray.cli import main
from xray.compare.command import compare

FILES = ["comparison.json", "comparison.md", "roc.png", "roc.svg"]


def runs(count=2, **kinds):
    """Write the tests of some runs, each noisier than the one before and with its rows in another order."""
    labels, patients, logits = draw()
    for i in range(count):
        rng = np.random.default_rng(i)
        name = f"cnn/version_{i}"
        whole = scored_set(labels, patients, logits + i * rng.normal(0, 1, len(labels)), name=name, seed=i, **kinds)
        write(take(whole, rng.permutation(len(labels))))
    return [f"cnn/version_{i}" for i in range(count)]


@pytest.fixture
def error_of(capsys):
    """Return a function that runs a failing command: one line on stderr, and no file written."""

    def run(*args):
        before = set(Path().rglob("*"))
        assert main(["compare", *args]) != 0
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("xray: error: ")
        assert captured.err.count("\n") == 1
        assert set(Path().rglob("*")) == before
        return captured.err

    return run


def test_prints_and_writes_the_comparison(capsys):
    assert main(["compare", *runs(3)]) == 0
    out = capsys.readouterr().out
    assert "cnn/version_2" in out
    assert NOTICE in out
    assert out.endswith(f"logs/comparisons/comparison_0/ with {', '.join(FILES)}\n")
    folder = Path("logs/comparisons/comparison_0")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    result = json.loads((folder / "comparison.json").read_text())
    assert result["notice"] == NOTICE
    assert [run["name"] for run in result["runs"]] == ["cnn/version_0", "cnn/version_1", "cnn/version_2"]
    assert [run["seed"] for run in result["runs"]] == [0, 1, 2]
    assert len(result["pairs"]) == 3
    assert result["method"]["resamples"] == 2000
    assert result["configs"][0]["metrics"]["auroc"]["over_seeds"]["n"] == 3
    assert result["settings"] == [{"setting": "seed_everything", "values": ["0", "1", "2"]}]
    assert NOTICE in (folder / "comparison.md").read_text()
    assert "(roc.png)" in (folder / "comparison.md").read_text()


def test_comparison_is_reproducible_to_the_byte():
    names = runs()
    folders = [Path(f"logs/comparisons/comparison_{i}") for i in range(2)]
    for _ in folders:
        compare(names)
    for name in FILES:
        assert len({(folder / name).read_bytes() for folder in folders}) == 1


def test_experiment_means_its_newest_run(error_of, capsys):
    for name in runs(3):
        Path("logs", name, "config.yaml").touch()
    os.utime("logs/cnn/version_1/config.yaml", (2e9, 2e9))
    compare(["cnn", "cnn/version_0"])
    result = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["name"] for run in result["runs"]] == ["cnn/version_1", "cnn/version_0"]
    capsys.readouterr()
    assert "cnn/version_1 is the same run as cnn (logs/cnn/version_1/test)" in error_of("cnn", "cnn/version_1")


def test_run_outside_of_logs_is_named_by_its_folder():
    runs(1)
    write(scored_set(*draw(seed=0)), "elsewhere")
    compare(["cnn/version_0", "elsewhere"])
    result = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["name"] for run in result["runs"]] == ["cnn/version_0", "elsewhere"]


def test_runs_of_one_name_are_named_by_their_folders():
    runs(1)
    write(scored_set(*draw(seed=0)), "other/logs/cnn/version_0/test")
    compare(["logs/cnn/version_0/test", "other/logs/cnn/version_0/test"])
    result = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["name"] for run in result["runs"]] == ["logs/cnn/version_0/test", "other/logs/cnn/version_0/test"]


@pytest.mark.parametrize("name", ["[red]x[/red]", "a|b", "$x_{", "two\nlines", "odd\udcff"])
def test_accepts_unusual_folder_names(name, capsys):
    runs(1)
    write(scored_set(*draw(seed=0)), name)
    compare(["cnn/version_0", name])
    shown = name.replace("\n", "\\n").replace("\udcff", "\\udcff")
    assert shown in capsys.readouterr().out
    assert json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())["runs"][1]["name"] == shown


def test_rejects_a_single_run(error_of):
    runs(1)
    assert "at least two runs: add another besides cnn/version_0" in error_of("cnn/version_0")


@pytest.mark.parametrize("spelling", ["cnn/version_0", "logs/cnn/version_0", "logs/cnn/version_0/test", "link"])
def test_rejects_the_same_run_twice(error_of, spelling):
    runs(2)
    Path("link").symlink_to("logs/cnn/version_0/test")
    error = error_of("cnn/version_0", "cnn/version_1", spelling)
    how = "given twice" if spelling == "cnn/version_0" else "the same run as cnn/version_0"
    assert f"{spelling} is {how} (" in error


def test_rejects_different_images(error_of):
    runs(1)
    labels, patients, logits = draw()
    write(take(scored_set(labels, patients, logits, name="timm/version_0"), range(50)))
    error = error_of("cnn/version_0", "timm/version_0")
    assert "10 only in cnn/version_0" in error
    assert "0 only in timm/version_0, 50 in both" in error


def test_rejects_a_damaged_test(error_of):
    runs(2)
    Path("logs/cnn/version_1/test/source.json").write_text("{")
    assert "source.json is damaged" in error_of("cnn/version_0", "cnn/version_1")


def test_rejects_a_folder_in_use(error_of):
    runs(2)
    Path("mine").mkdir()
    Path("mine/kept.txt").touch()
    assert "mine is not empty" in error_of("cnn/version_0", "cnn/version_1", "--out", "mine")


def test_compares_a_run_without_decision_and_config():
    names = runs(1)
    whole = scored_set(*draw(), name="old/version_0")
    source = {key: value for key, value in whole.source.items() if key not in {"config", "training_data", "decision"}}
    write(replace(whole, source=source | {"run": None}), "old")
    compare([*names, "old"], metric="sensitivity")
    result = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["threshold_fitted"] for run in result["runs"]] == [True, False]
    assert result["configs"] == []


def test_imports_no_torch():
    names = runs(2)
    code = (
        "import sys; from xray.cli import main; status = main(['compare', *sys.argv[1:]]); "
        "print(status, sorted({'torch', 'lightning', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_default_folders_are_numbered():
    names = runs(2)
    for name in ("comparison_7", "comparison_x", "other_9"):
        Path("logs/comparisons", name).mkdir(parents=True)
    compare(names)
    assert Path("logs/comparisons/comparison_8/comparison.json").is_file()


def test_rejects_a_file_at_the_place_of_the_comparisons(error_of):
    runs(2)
    Path("logs/comparisons").touch()
    assert "logs/comparisons" in error_of("cnn/version_0", "cnn/version_1")


def test_compares_another_metric_into_a_given_folder(tmp_path):
    assert main(["compare", *runs(), "--metric", "f1", "--out", str(tmp_path / "out")]) == 0
    result = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert list(result["metrics"])[:2] == ["f1", "auroc"]
    assert "delong_p" not in result["pairs"][0]["metrics"]["f1"]


def test_rejects_an_unknown_metric(error_of):
    assert "--metric AUC cannot be compared: it must be one of auroc, " in error_of(*runs(), "--metric", "AUC")


def test_names_the_run_that_was_not_tested(error_of):
    runs(2)
    Path("logs/timm/version_3").mkdir(parents=True)
    Path("logs/timm/version_3/config.yaml").touch()
    error = error_of("cnn/version_0", "timm")
    assert "The run timm/version_3 has no test results" in error
    assert "'python -m xray test --ckpt_path timm/version_3'" in error
