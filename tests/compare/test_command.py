"""The whole command, as users type it."""

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
from xray.compare.metrics import METRICS

FILES = ["comparison.json", "comparison.md", "roc.png", "roc.svg"]


def runs(count=2, **kinds):
    """Tests of so many runs, each noisier than the one before, with rows in orders of their own."""
    labels, patients, logits = draw()
    for i in range(count):
        rng = np.random.default_rng(i)
        name = f"cnn/version_{i}"
        whole = scored_set(labels, patients, logits + i * rng.normal(0, 1, len(labels)), name=name, seed=i, **kinds)
        write(take(whole, rng.permutation(len(labels))))
    return [f"cnn/version_{i}" for i in range(count)]


@pytest.fixture
def complaint(capsys):
    """The one line that a command earns, which leaves nothing behind."""

    def run(*words):
        before = set(Path().rglob("*"))
        assert main(["compare", *words]) != 0
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("xray: error: ")
        assert captured.err.count("\n") == 1
        assert set(Path().rglob("*")) == before
        return captured.err

    return run


def test_a_comparison_is_printed_and_kept(capsys):
    assert main(["compare", *runs(3)]) == 0
    out = capsys.readouterr().out
    assert "cnn/version_2" in out
    assert NOTICE in out
    assert out.endswith(f"logs/comparisons/comparison_0/ with {', '.join(FILES)}\n")
    folder = Path("logs/comparisons/comparison_0")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    found = json.loads((folder / "comparison.json").read_text())
    assert found["notice"] == NOTICE
    assert [run["name"] for run in found["runs"]] == ["cnn/version_0", "cnn/version_1", "cnn/version_2"]
    assert [run["seed"] for run in found["runs"]] == [0, 1, 2]
    assert len(found["pairs"]) == 3
    assert found["method"]["resamples"] == 2000
    assert found["configs"][0]["over_seeds"]["n"] == 3
    assert NOTICE in (folder / "comparison.md").read_text()
    assert "(roc.png)" in (folder / "comparison.md").read_text()


def test_the_same_runs_give_the_same_bytes():
    names = runs()
    folders = [Path(f"logs/comparisons/comparison_{i}") for i in range(2)]
    for _ in folders:
        compare(names)
    for name in FILES:
        assert len({(folder / name).read_bytes() for folder in folders}) == 1


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_asked_for(metric, tmp_path):
    assert main(["compare", *runs(), "--metric", metric, "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert found["title"] == METRICS[metric].title
    assert ("delong_p" in found["pairs"][0]) == (metric == "auroc")


def test_an_experiment_stands_for_its_newest_run(complaint, capsys):
    for name in runs(3):
        Path("logs", name, "config.yaml").touch()
    os.utime("logs/cnn/version_1/config.yaml", (2e9, 2e9))
    compare(["cnn", "cnn/version_0"])
    found = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["cnn/version_1", "cnn/version_0"]
    capsys.readouterr()
    assert "cnn/version_1 is the same run as cnn (logs/cnn/version_1/test)" in complaint("cnn", "cnn/version_1")


def test_a_run_far_from_the_logs_is_named_by_its_folder(capsys):
    runs(1)
    write(scored_set(*draw(seed=0)), "elsewhere")
    compare(["cnn/version_0", "elsewhere"])
    found = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["cnn/version_0", "elsewhere"]


def test_two_runs_of_one_name_are_told_apart():
    runs(1)
    write(scored_set(*draw(seed=0)), "other/logs/cnn/version_0/test")
    compare(["logs/cnn/version_0/test", "other/logs/cnn/version_0/test"])
    found = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["logs/cnn/version_0/test", "other/logs/cnn/version_0/test"]


@pytest.mark.parametrize("name", ["[red]x[/red]", "a|b", "$x_{", "-", "two\nlines", "odd\udcff"])
def test_odd_names_of_folders_are_no_reason_to_fail(name, capsys):
    runs(1)
    write(scored_set(*draw(seed=0)), name)
    compare(["cnn/version_0", name])
    shown = name.replace("\n", "\\n").replace("\udcff", "\\udcff")
    assert shown in capsys.readouterr().out
    assert json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())["runs"][1]["name"] == shown


def test_one_run_is_not_enough(complaint):
    runs(1)
    assert "at least two runs: add another besides cnn/version_0" in complaint("cnn/version_0")


@pytest.mark.parametrize("spelling", ["cnn/version_0", "logs/cnn/version_0", "logs/cnn/version_0/test", "link"])
def test_the_same_run_twice_is_rejected_however_it_is_spelled(complaint, spelling):
    runs(2)
    Path("link").symlink_to("logs/cnn/version_0/test")
    said = complaint("cnn/version_0", "cnn/version_1", spelling)
    how = "given twice" if spelling == "cnn/version_0" else "the same run as cnn/version_0"
    assert f"{spelling} is {how} (" in said


def test_runs_on_other_images_are_rejected(complaint):
    runs(1)
    labels, patients, logits = draw()
    write(take(scored_set(labels, patients, logits, name="timm/version_0"), range(50)))
    said = complaint("cnn/version_0", "timm/version_0")
    assert "10 only in cnn/version_0" in said
    assert "0 only in timm/version_0, 50 in both" in said


def test_a_run_without_a_test_is_rejected(complaint):
    runs(1)
    complaint("cnn/version_0", "cnn/version_7")


def test_a_damaged_test_is_rejected(complaint):
    runs(2)
    Path("logs/cnn/version_1/test/source.json").write_text("{")
    assert "source.json is damaged" in complaint("cnn/version_0", "cnn/version_1")


def test_a_metric_that_is_none_is_rejected(complaint):
    runs(2)
    assert "auroc" in complaint("cnn/version_0", "cnn/version_1", "--metric", "acuracy")


def test_a_folder_in_use_is_rejected(complaint):
    runs(2)
    Path("mine").mkdir()
    Path("mine/kept.txt").touch()
    assert "mine is not empty" in complaint("cnn/version_0", "cnn/version_1", "--out", "mine")


def test_a_run_without_decision_or_config_can_be_compared():
    names = runs(1)
    whole = scored_set(*draw(), name="old/version_0")
    source = {key: value for key, value in whole.source.items() if key not in {"config", "training_data", "decision"}}
    write(replace(whole, source=source | {"run": None}), "old")
    compare([*names, "old"], metric="sensitivity")
    found = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert [run["threshold_fitted"] for run in found["runs"]] == [True, False]
    assert found["configs"] == []


def test_no_torch_is_loaded():
    names = runs(2)
    code = (
        "import sys; from xray.cli import main; status = main(['compare', *sys.argv[1:]]); "
        "print(status, sorted({'torch', 'lightning', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
