"""A metric, a corruption and an ablation from outside the package appear everywhere, without training again."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from huggingface_hub import ModelCard

from tests.end_to_end.commands import RUN, metrics, run, table
from xray.cli import main
from xray.evaluation.ablations import ABLATIONS
from xray.evaluation.registry import METRICS
from xray.report.summary_text import interval as interval_of
from xray.report.summary_text import percent, percent_format
from xray.scoring.corruptions import CORRUPTIONS

CODE = """
from xray import register_ablation, register_corruption, register_metric

@register_metric("square", "Mean [square]", "As Brier.", higher_is_better=False, percent=True, hub_name="mse")
def square(labels, probability, decisions):
    return ((labels - probability) ** 2).mean()

@register_corruption("flip", "Upside down", amounts=[1], unit="half turns")
def flip(image, amount, rng):
    return image[::-1]

@register_ablation("grey", "All grey", "Nothing is left to see.")
def grey(images, grey):
    images[:] = grey
    return images
"""


@pytest.fixture(autouse=True)
def nothing_of_another_test() -> Iterator[None]:
    with patch.dict(METRICS), patch.dict(CORRUPTIONS), patch.dict(ABLATIONS):
        for name in [name for name in CORRUPTIONS if name != "blur"]:  # quicker
            del CORRUPTIONS[name]
        yield
    sys.modules.pop("my", None)


def test_entries_from_outside_appear_everywhere(tested: None, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(RUN / "test", "plain")
    Path("my.py").write_text(CODE)
    run("test", "--imports", "[my]", "--robustness")
    printed = capsys.readouterr().out
    summary = metrics("cnn/version_0")
    brier = summary["metrics"]["brier"]
    assert brier["low"] < brier["high"]
    assert summary["metrics"]["square"] == pytest.approx(brier)
    few_digits = percent_format(summary)
    percentage, interval = few_digits(brier["value"]), interval_of(brier, few_digits)
    (row,) = [line for line in printed.splitlines() if "Mean [square]" in line]
    assert percentage in row
    assert interval in row
    card = ModelCard.load(RUN / "test" / "model_card.md")
    values = {result.metric_type: result.metric_value for result in card.data.eval_results or []}
    assert values["mse"] == pytest.approx(brier["value"])
    assert f"| Mean \\[square\\] | {percentage} | {interval} |" in card.text
    page = (RUN / "test" / "report.html").read_text()
    (row,) = [line for line in page.splitlines() if 'data-metric="square"' in line]
    assert "As Brier." in row
    assert percentage in row
    assert interval in row
    # The corruption and the ablation.
    assert [point["strength"] for point in summary["robustness"]["flip"]] == [0, 1]
    assert {"blur_1", "blur_5", "flip_1"} <= table(RUN / "test" / "robustness.csv")[0].keys()
    assert "Upside down<small>half turns: 1</small>" in page
    assert "Upside down" in (RUN / "test" / "figures" / "robustness.svg").read_text()
    (grey,) = [row for row in summary["shortcuts"]["ablations"] if row["name"] == "grey"]
    # All images look the same to the model.
    assert grey["auroc"]["value"] == 0.5
    assert "Nothing is left to see." in page
    # The tables remember what they need.
    run("report", "cnn/version_0")
    assert metrics("cnn/version_0") == summary
    run("compare", "cnn/version_0", "plain")
    comparison = json.loads(Path("logs/comparisons/comparison_0/comparison.json").read_text())
    assert comparison["runs"][0]["metrics"]["square"] == pytest.approx(brier)
    assert comparison["pairs"][0]["metrics"]["square"]["difference"] == 0
    row = f"| Mean \\[square\\] | A | {percent(brier['value'])} | {interval_of(brier, percent)} |"
    assert row in Path("logs/comparisons/comparison_0/comparison.md").read_text()


def test_module_that_is_gone_is_named(tested: None, capsys: pytest.CaptureFixture[str]) -> None:
    source = RUN / "test" / "source.json"
    source.write_text(json.dumps(json.loads(source.read_text()) | {"imports": ["gone"]}))
    shutil.copytree(RUN / "test", "other")
    for command in (["report", "cnn/version_0"], ["compare", "cnn/version_0", "other"]):
        assert main(command) == 1
        error = capsys.readouterr().err
        assert f"There is no module gone, which imports in {source} names" in error
        assert error.count("\n") == 1
    assert main(["fit", "--config", "logs/cnn/version_0/config.yaml", "--imports", "[gone]"]) == 1
    assert "There is no module gone, which imports in the command line names" in capsys.readouterr().err
