"""The OOD table of a test agrees with `predict` on the same images."""

import csv
import json
import re
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.tiny_runs import tiny_run

from xray.cli import main
from xray.runs.checkpoint import DATA_KEY, OOD_KEY, Checkpoint
from xray.scoring.evaluate import why_no_ood_check


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        ({OOD_KEY: "{}"}, ""),
        ({}, "the checkpoint has no OOD detector"),
        ({DATA_KEY: '{"splits": {"train": {"images": 400}}}'}, "the checkpoint has no OOD detector"),
        (
            {DATA_KEY: '{"splits": {"train": {"images": 40}}}'},
            "the fit had 40 training images, where the OOD detector needs 100",
        ),
    ],
)
def test_says_why_a_checkpoint_has_no_ood_check(content, clause):
    assert why_no_ood_check(Checkpoint(Path("best.ckpt"), {}, content)) == clause


def test_images_above_the_ood_limit_are_those_that_predict_rejects(tmp_path, capsys):
    checkpoint = tiny_run(tmp_path)
    others = tmp_path / "others"
    (tmp_path / "images" / "test").rename(others)
    page = np.full((60, 60), 255, np.uint8)
    page[::6, 4:50] = 0
    Image.fromarray(page).save(others / "NORMAL" / "page.png")
    with chdir(tmp_path):
        assert main(["test", "--ckpt_path", str(checkpoint), "--data.root", str(others)]) == 0
        capsys.readouterr()
        assert main(["predict", str(others), "--ckpt_path", str(checkpoint)]) == 0
        rejected = set(re.findall(r"rejected (\S+): ", capsys.readouterr().err))
    folder = tmp_path / "logs/cnn/version_0/external/others"
    with (folder / "ood.csv").open(newline="") as file:
        above = {row["path"] for row in csv.DictReader(file) if max(float(row["outlines"]), float(row["tone"])) > 1}
    assert {Path(path).name for path in above} == {Path(path).name for path in rejected}
    assert "page.png" in {Path(path).name for path in above}
    rejections = json.loads((folder / "metrics.json").read_text())["rejections"]
    assert rejections["rejected"] == len(above)
    assert rejections["sentence"] in (folder / "report.html").read_text()
    assert rejections["sentence"] in (folder / "model_card.md").read_text()
