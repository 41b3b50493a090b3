"""A leading `~` is the home folder in every path that a user writes."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from xray.cli.early_options import early_options
from xray.cli.user_paths import expand_home_in_paths
from xray.data.datamodule import ChestXRayDataModule
from xray.report.scored_sets import find_scored_set
from xray.runs.run import find_model
from xray.utils.files import user_path


@dataclass(frozen=True)
class Nested:
    root: Path | None = None
    cache_dir: Path = Path("cache")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_in_yaml_files_and_nested_options(home):
    expand_home_in_paths()
    parser = ArgumentParser()
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(ChestXRayDataModule, "data")
    parser.add_argument("--other", type=Nested)
    (home / "my.yaml").write_text("data:\n  root: ~/images\nother:\n  root: ~/more\n")
    config = parser.parse_args(["--config=~/my.yaml", "--data.cache_dir=~/cache"])
    assert (config.data.root, config.data.cache_dir) == (home / "images", home / "cache")
    assert (config.other.root, config.other.cache_dir) == (home / "more", Path("cache"))


def test_in_names_of_models_and_runs(home):
    (home / "a.onnx").touch()
    assert find_model("~/a.onnx") == home / "a.onnx"
    for name in ("predictions.csv", "source.json"):
        (home / name).touch()
    assert find_scored_set("~") == home
    assert early_options(["--config", "~/my.yaml"]).configs == [home / "my.yaml"]


def test_in_a_data_module_made_by_hand(home):
    assert ChestXRayDataModule(root="~/images").root == home / "images"


def test_only_a_leading_tilde_of_a_known_user():
    assert user_path("a~/b") == Path("a~/b")
    assert user_path("~nobody-of-this-name/b") == Path("~nobody-of-this-name/b")
