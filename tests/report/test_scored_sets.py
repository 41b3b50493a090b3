import os
from pathlib import Path

import pytest

from xray.report.scored_sets import find_scored_set, scored_sets, sets_beside
from xray.utils.errors import UserError


def make_run(name, *sets, began=0):
    """A run with scored sets, begun at a given time."""
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
def test_a_run_has_many_names(name):
    run = make_run("cnn/version_0", "test", "validate", "external/b", "external/a")
    assert find_scored_set(name) == run / "test"
    assert scored_sets(name) == [run / "test", run / "validate", run / "external/a", run / "external/b"]


def test_an_absolute_path_is_a_name_too():
    run = make_run("cnn/version_0", "test").absolute()
    assert find_scored_set(str(run)) == run / "test"


def test_a_folder_of_tables_is_taken_as_it_is():
    run = make_run("cnn/version_0", "test", "external/a")
    assert scored_sets(str(run / "external/a")) == [run / "external/a"]
    assert find_scored_set(str(run / "external/a")) == run / "external/a"
    assert find_scored_set(str(make_set(Path("elsewhere")))) == Path("elsewhere")


def test_a_run_without_a_config_is_known_by_its_sets():
    make_set(Path("logs/cnn/version_0/test"))
    assert find_scored_set("cnn/version_0") == Path("logs/cnn/version_0/test")


def test_an_experiment_is_its_newest_run_scored_or_not():
    make_run("cnn/version_9", "test", began=1)
    make_run("cnn/version_10", "test", began=1)
    assert find_scored_set("cnn") == Path("logs/cnn/version_10/test")
    make_run("cnn/version_2", began=2)
    with pytest.raises(UserError, match=r"cnn/version_2 has no test yet: .*python -m xray test.*cnn/version_10"):
        find_scored_set("cnn")
    with pytest.raises(UserError, match=r"cnn/version_2 has nothing scored yet: .*python -m xray test.*cnn/version_10"):
        scored_sets("cnn")


def test_by_default_it_is_the_newest_run_that_has_something_scored():
    make_run("cnn/version_0", "validate", began=1)
    make_run("timm/version_0", "external/a", began=2)
    make_run("cnn/version_1", began=3)
    assert scored_sets() == [Path("logs/timm/version_0/external/a")]


def test_an_unknown_run_is_told_with_those_that_exist():
    make_run("cnn/version_0", "test", began=1)
    make_run("timm/version_3", began=2)
    for find in (find_scored_set, scored_sets):
        with pytest.raises(UserError, match="no run 'cmm': there are timm/version_3, cnn/version_0"):
            find("cmm")


def test_a_long_list_of_runs_is_cut():
    for i in range(12):
        make_run(f"cnn/version_{i}", began=i)
    with pytest.raises(UserError, match=r"cnn/version_4 and 4 more\.$"):
        find_scored_set("none")


@pytest.mark.parametrize("name", ["cnn", "../..", "\0", "a" * 300, "*", "[", "logs"])
def test_where_there_is_nothing_each_name_is_rejected(name):
    with pytest.raises(UserError, match="no run"):
        find_scored_set(name)
    with pytest.raises(UserError, match="anything scored: 'python -m xray test'"):
        scored_sets()


def test_a_run_that_was_only_validated_has_no_test():
    make_run("cnn/version_0", "validate")
    with pytest.raises(UserError, match="has no test yet"):
        find_scored_set("cnn/version_0")
    assert scored_sets("cnn/version_0") == [Path("logs/cnn/version_0/validate")]


def test_audits_and_comparisons_are_no_runs():
    make_run("cnn/version_0", "test")
    for folder in ("logs/comparisons/comparison_0", "logs/audit/images"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "report.json").touch()
    with pytest.raises(UserError, match=r"there are cnn/version_0\.$"):
        find_scored_set("none")
    with pytest.raises(UserError, match="no run"):
        find_scored_set("comparisons")


def test_sets_beside_one_are_those_of_its_run_and_itself():
    run = make_run("cnn/version_0", "test", "validate", "external/a", "external/b", "test_1")
    sets = [run / "test", run / "validate", run / "external/a", run / "external/b"]
    for folder in sets:
        assert sets_beside(folder) == sets
    assert sets_beside(run / "test_1") == [run / "test_1"]
    assert sets_beside(make_set(Path("elsewhere"))) == [Path("elsewhere")]
    absolute = (run / "external/b").absolute()
    assert absolute in sets_beside(absolute)


def test_a_set_is_beside_itself_in_the_working_folder(monkeypatch):
    run = make_run("cnn/version_0", "test", "validate").absolute()
    monkeypatch.chdir(run / "test")
    assert Path() in sets_beside(Path())
