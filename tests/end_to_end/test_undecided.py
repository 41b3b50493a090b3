"""A checkpoint of an interrupted fit does not pass for a finished one, and `calibrate` mends it."""

import json
from pathlib import Path

import pytest
import torch

from tests.end_to_end.commands import BEST, run, table
from xray import load_model
from xray.cli import main
from xray.runs.checkpoint import BASELINES_KEY, DECIDED_KEY, DECISION_KEY, OOD_KEY
from xray.utils.errors import UserError

PARTS = (DECISION_KEY, DECIDED_KEY, BASELINES_KEY, OOD_KEY)
"""What the end of a fit adds to its best checkpoint."""


def interrupt(path: Path = BEST) -> dict[str, str]:
    """Leave the best checkpoint as an interrupted fit does; return what it had before."""
    content = torch.load(path, weights_only=True)
    finished = {key: content.pop(key) for key in PARTS if key in content}
    content["state_dict"] |= {"temperature": torch.tensor(1.0), "threshold": torch.tensor(0.5)}
    torch.save(content, path)
    return finished


@pytest.mark.parametrize(
    "command", [["predict", "images/test"], ["explain", "images/test"], ["export", str(BEST)], ["serve", str(BEST)]]
)
def test_commands_for_users_refuse_it(command, trained, capsys):
    interrupt()
    assert main(command) == 1
    err = capsys.readouterr().err
    assert f"{BEST} is undecided" in err
    assert f"'python -m xray calibrate --ckpt_path {BEST}'" in err
    assert err.count("\n") == 1
    assert not any(Path(name).exists() for name in ("predictions.csv", "explanations", BEST.with_suffix(".onnx")))


def test_calibrate_gives_it_all_that_its_fit_would_have(trained, capsys):
    finished = interrupt()
    run("calibrate", "--ckpt_path", BEST)
    mended = torch.load(BEST, weights_only=True)
    for key, value in finished.items():
        after, before = json.loads(mended[key]), json.loads(value)
        for decision in (after, before) if key == DECISION_KEY else ():
            decision["fitted_on"]["notes"] = []  # calibrate also compares the files with those of the training
        assert after == before, key
    run("predict", "images/test")
    assert len(load_model("cnn/version_0")("images/test")) == len(table("predictions.csv"))


def test_last_epoch_of_a_finished_run_names_the_best(trained, capsys):
    last = BEST.with_name("last.ckpt")
    with pytest.raises(UserError, match=f"use {BEST}, the best epoch"):
        load_model(last)
    frame = load_model(last, allow_undecided=True)(Path("images/test"))
    assert set(frame["outcome"]) == {"predicted"}
    assert [(p >= 0.5) for p in frame["probability"]] == [d == "PNEUMONIA" for d in frame["decision"]]
    run("predict", "images/test", "--ckpt_path", last, "--allow_undecided", "true")
    written = table("predictions.csv")
    assert [row["path"] for row in written] == frame["path"].tolist()
    assert [float(row["probability"]) for row in written] == pytest.approx(frame["probability"].tolist())
    assert list(written[0]) == list(frame.columns)
    capsys.readouterr()
    run("validate", "--ckpt_path", last)
    assert f"'python -m xray calibrate --ckpt_path {last}' fits" in capsys.readouterr().out
