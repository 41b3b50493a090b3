import os
from pathlib import Path

import pytest

from xray.report.scored_sets import find_scored_set, scored_sets, sets_of_same_run
from xray.utils.errors import UserError


def make_run(name, *sets, began=0):
    """Create a run with scored sets, started at a given time."""
    run = Path("logs") / name
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.yaml").touch()
    os.utime(run / "config.yaml", (began, began))
    for place in sets:
        make_set(run / place)
    return run


def make_set(folder):
    folder.mkdir(parents=True)
    (folder / "predictions.csv").touch()
    (folder / "source.json").touch()
    return folder


@pytest.mark.parametrize(
    "name", ["cnn/version_0", "logs/cnn/version_0", "cnn/version_0/", "cnn", "logs/cnn", "./logs/cnn"]
)
def test_finds_a_run_by_name_or_path(name):
    run = make_run("cnn/version_0", "test", "validate", "external/b", "external/a")
    assert find_scored_set(name) == run / "test"
    assert scored_sets(name) == [run / "test", run / "validate", run / "external/a", run / "external/b"]


def test_finds_a_run_by_absolute_path():
    run = make_run("cnn/version_0", "test").absolute()
    assert find_scored_set(str(run)) == run / "test"


def test_accepts_a_folder_of_tables():
    run = make_run("cnn/version_0", "test", "external/a")
    assert scored_sets(str(run / "external/a")) == [run / "external/a"]
    assert find_scored_set(str(run / "external/a")) == run / "external/a"
    assert find_scored_set(str(make_set(Path("elsewhere")))) == Path("elsewhere")


def test_finds_a_run_without_config():
    make_set(Path("logs/cnn/version_0/test"))
    assert find_scored_set("cnn/version_0") == Path("logs/cnn/version_0/test")


def test_experiment_means_its_newest_run():
    make_run("cnn/version_9", "test", began=1)
    make_run("cnn/version_10", "test", began=1)
    assert find_scored_set("cnn") == Path("logs/cnn/version_10/test")


def test_newer_runs_without_results_are_passed_over_by_name(capsys):
    make_run("cnn/version_0", "test", began=1)
    make_run("cnn/version_1", "validate", began=2)
    make_run("cnn/version_2", began=3)
    assert find_scored_set("cnn") == Path("logs/cnn/version_0/test")
    line = "Passed over, newer but with no test results: cnn/version_2, cnn/version_1. Taken: cnn/version_0\n"
    assert capsys.readouterr().out == line
    assert scored_sets("cnn") == [Path("logs/cnn/version_1/validate")]
    assert "no scored set: cnn/version_2. Taken: cnn/version_1" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"cnn/version_2 has no test results: .*python -m xray test.*cnn/version_0"):
        find_scored_set("cnn/version_2")


def test_default_is_the_newest_run_with_a_scored_set(capsys):
    make_run("cnn/version_0", "validate", began=1)
    make_run("timm/version_0", "external/a", began=2)
    make_run("cnn/version_1", began=3)
    assert scored_sets() == [Path("logs/timm/version_0/external/a")]
    assert "cnn/version_1" in capsys.readouterr().out


def test_unknown_run_lists_the_available_runs():
    make_run("cnn/version_0", "test", began=1)
    make_run("timm/version_3", began=2)
    for find in (find_scored_set, scored_sets):
        with pytest.raises(UserError, match="no run 'cmm': available runs are timm/version_3, cnn/version_0"):
            find("cmm")


def test_error_truncates_a_long_list_of_runs():
    for i in range(12):
        make_run(f"cnn/version_{i}", began=i)
    with pytest.raises(UserError, match=r"cnn/version_4 and 4 more\.$"):
        find_scored_set("none")


@pytest.mark.parametrize("name", ["cnn", "../..", "*", "logs"])
def test_rejects_any_name_without_runs(name):
    with pytest.raises(UserError, match="no run"):
        find_scored_set(name)
    with pytest.raises(UserError, match="has a scored set: score the newest with 'python -m xray test'"):
        scored_sets()


def test_validated_run_has_no_test():
    make_run("cnn/version_0", "validate")
    with pytest.raises(UserError, match="has no test results"):
        find_scored_set("cnn/version_0")
    assert scored_sets("cnn/version_0") == [Path("logs/cnn/version_0/validate")]


def test_run_in_another_folder_is_scored_by_its_saved_config():
    run = Path("runs/cnn/version_0")
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    with pytest.raises(UserError, match=r"'python -m xray test --config runs/cnn/version_0/config.yaml'"):
        find_scored_set("runs/cnn/version_0")
    scored = make_set(Path("checkpoints/cnn/version_0/validate")).parent
    with pytest.raises(UserError, match=f"'python -m xray test --ckpt_path {scored}'"):
        find_scored_set(str(scored))


def test_audits_and_comparisons_are_not_runs():
    make_run("cnn/version_0", "test")
    for folder in ("logs/comparisons/comparison_0", "logs/audit/images"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "report.json").touch()
    with pytest.raises(UserError, match=r"available runs are cnn/version_0\.$"):
        find_scored_set("none")
    with pytest.raises(UserError, match="no run"):
        find_scored_set("comparisons")


def test_sets_of_same_run():
    run = make_run("cnn/version_0", "test", "validate", "external/a", "external/b", "test_1")
    sets = [run / "test", run / "validate", run / "external/a", run / "external/b"]
    for folder in sets:
        assert sets_of_same_run(folder) == sets
    assert sets_of_same_run(run / "test_1") == [run / "test_1"]
    assert sets_of_same_run(make_set(Path("elsewhere"))) == [Path("elsewhere")]
    absolute = (run / "external/b").absolute()
    assert absolute in sets_of_same_run(absolute)


def test_sets_of_same_run_from_inside_the_set(monkeypatch):
    run = make_run("cnn/version_0", "test", "validate").absolute()
    monkeypatch.chdir(run / "test")
    assert Path() in sets_of_same_run(Path())
