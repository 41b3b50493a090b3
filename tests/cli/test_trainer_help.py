"""The help of fit, validate and test."""

import re

import pytest
from tests.cli.test_main import HEAVY, imported_by

from xray.cli import main


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_options_of_the_help_exist(command, capsys, monkeypatch):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: python -m xray {command} ")
    assert all(len(line) <= 120 for line in text.splitlines())
    assert "help_all" in text
    assert main([command, "--help_all"]) == 0
    complete = capsys.readouterr().out
    assert complete.startswith(f"usage: python -m xray {command} [")
    named = set(re.findall(r"^  --([a-z][\w.]*)", text, re.MULTILINE)) - {"help_all", "debug"}
    known = set(re.findall(r"--([a-z][\w.]*)", complete))
    # Those of a class of the config are not in it.
    assert {
        option for option in named if not option.startswith(("model.optimizer.", "model.network", "trainer.logger."))
    } <= known


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_help_imports_nothing_heavy(command):
    assert not imported_by(command, "--help") & HEAVY


@pytest.mark.parametrize("args", [["--model.help", "CNNClassifier"], ["--trainer.callbacks.help=EarlyStopping"]])
def test_usage_of_a_class(args, capsys):
    assert main(["fit", *args]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m xray fit ")
