"""The options of `calibrate`."""

import pytest
import torch
import yaml

from xray.cli import main
from xray.cli.calibrate import OperatingPointOverrides, new_point
from xray.evaluation.operating_point import OperatingPoint
from xray.models.cnn import CNNClassifier
from xray.runs.checkpoint import CONFIG_KEY
from xray.utils.errors import UserError

TRAINED = OperatingPoint("sensitivity", 0.9)


def test_operating_point_of_the_training_is_the_default():
    assert new_point(TRAINED, OperatingPointOverrides()) == TRAINED
    assert new_point(TRAINED, OperatingPointOverrides(target=0.8)) == OperatingPoint("sensitivity", 0.8)


def test_new_rule_does_not_take_the_old_target():
    assert new_point(TRAINED, OperatingPointOverrides("youden")) == OperatingPoint("youden")
    with pytest.raises(UserError, match="target is missing"):
        new_point(TRAINED, OperatingPointOverrides("cost"))


def test_config_of_another_version(tmp_path, capsys):
    model = {"class_path": "xray.models.cnn.CNNClassifier", "init_args": {"widths": [8, 8]}}
    config = yaml.safe_dump({"model": model, "data": {"root": "images", "sharpness": 3}})
    torch.save({"state_dict": CNNClassifier(widths=(8, 8)).state_dict(), CONFIG_KEY: config}, tmp_path / "old.ckpt")
    assert main(["calibrate", "--ckpt_path", str(tmp_path / "old.ckpt")]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith("old.ckpt is of another version of xray: There is no data.sharpness of ChestXRayDataModule")
