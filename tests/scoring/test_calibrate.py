"""The OOD detector and decision that a fit stores in its checkpoint, and calibrating it again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from xray.data.datamodule import ChestXRayDataModule
from xray.data.split_record import trained_images_json
from xray.evaluation.operating_point import OperatingPoint
from xray.models.cnn import CNNClassifier
from xray.ood.detector import OODDetector
from xray.runs.checkpoint import (
    BASELINES_KEY,
    CONFIG_KEY,
    DECISION_KEY,
    OOD_KEY,
    TRAINED_KEY,
    load_classifier,
    read_checkpoint,
)
from xray.scoring.calibrate import RECORD, calibrate_checkpoint, complete_checkpoint, fit_missing_parts
from xray.utils.errors import UserError

MODEL = {"class_path": "xray.models.cnn.CNNClassifier", "init_args": {"widths": [8, 8]}}


@pytest.fixture
def path(tmp_path):
    config = yaml.safe_dump({"model": MODEL, "data": {"image_size": 32}})
    torch.save({"state_dict": CNNClassifier(widths=(8, 8)).state_dict(), CONFIG_KEY: config}, tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


@pytest.fixture
def many(make):
    return make("many", patients={"train": (40, 50), "val": (2, 2), "test": (4, 4)})


def ready(root: Path, **options):
    data = ChestXRayDataModule(root, image_size=32, **options)
    data.setup("fit")
    return data


def calibrate(path, data, folder, *parts):
    model = load_classifier(read_checkpoint(path))
    calibrate_checkpoint(path, model, data, OperatingPoint(), folder / RECORD, *parts)


def test_model_that_outputs_nan_gets_no_decision(path, images, tmp_path):
    content = torch.load(path)
    content["state_dict"]["network.head.3.bias"] = torch.tensor([float("nan")])
    torch.save(content, path)
    with pytest.raises(UserError, match=r"best.ckpt cannot be used: the model outputs NaN"):
        calibrate(path, ready(images), tmp_path)
    assert not (tmp_path / RECORD).exists()


def test_fit_stores_the_ood_detector_and_notes_few_validation_images(path, many, tmp_path, capsys):
    data = ready(many)
    complete_checkpoint(path, data, tmp_path)
    stored = OODDetector.from_dict(read_checkpoint(path).record(OOD_KEY))
    assert stored.training_images == len(data.images["train"])
    assert stored.validation_images == len(data.images["val"])
    assert stored.describe() in capsys.readouterr().out
    val = data.grey_images("val")
    assert stored.rejected_of_validation == (stored.score(val) > 1).mean() <= 0.1
    assert (stored.score(np.zeros_like(val[:1])) > 1).all()
    assert (stored.score(255 - val) > 1).mean() > 0.9
    notes = read_checkpoint(path).record(DECISION_KEY)["fitted_on"]["notes"]
    negatives = sum(image.label == 0 for image in data.images["val"])
    assert any(f"few validation images ({negatives} of NORMAL and " in note for note in notes)


def test_too_few_training_images_for_ood(path, images, tmp_path, capsys):
    data = ready(images)
    for store in (complete_checkpoint, calibrate):
        store(path, data, tmp_path)
        assert read_checkpoint(path).record(OOD_KEY) is None
        assert "OOD check disabled" in capsys.readouterr().out


def test_interrupted_fit_gets_its_missing_parts_from_its_training_images(path, many, make, tmp_path):
    data = ready(many)
    content = torch.load(path, weights_only=True) | {TRAINED_KEY: trained_images_json(data)}
    torch.save(content, path)
    undecided = read_checkpoint(path)
    calibrate(path, data, tmp_path, *fit_missing_parts(undecided, data))
    mended = read_checkpoint(path)
    torch.save(content, path)
    complete_checkpoint(path, data, tmp_path)
    for key in (OOD_KEY, BASELINES_KEY, DECISION_KEY):
        assert mended.record(key) == read_checkpoint(path).record(key) is not None
    assert fit_missing_parts(mended, data) == (None, None)
    # Images of another site are not its training images.
    assert fit_missing_parts(undecided, ready(make("elsewhere", seed=1))) == (None, None)


def test_calibrate_fits_only_the_ood_limits(path, many, tmp_path):
    complete_checkpoint(path, ready(many), tmp_path)
    before = read_checkpoint(path).record(OOD_KEY)
    elsewhere = ready(many, split_seed=5)
    calibrate(path, elsewhere, tmp_path)
    after = read_checkpoint(path).record(OOD_KEY)
    expected = OODDetector.from_dict(before).with_validation(elsewhere.grey_chunks("val"))
    assert after == json.loads(json.dumps(expected.as_dict()))
    assert after["training_images"] == before["training_images"]
    for name, part in after["parts"].items():
        assert part["components"] == before["parts"][name]["components"]


def test_checkpoint_is_unchanged_if_the_record_cannot_be_written(path, many, tmp_path):
    data, before = ready(many), path.read_bytes()
    (tmp_path / "logs" / RECORD).mkdir(parents=True)
    with pytest.raises(UserError, match="it is a folder"):
        calibrate(path, data, tmp_path / "logs")
    assert path.read_bytes() == before


def test_outliers_among_validation_images_are_listed(path, many, tmp_path, capsys):
    complete_checkpoint(path, ready(many), tmp_path)
    assert "furthest" not in capsys.readouterr().out
    elsewhere = ChestXRayDataModule(tmp_path / "elsewhere", image_size=32)
    rng = np.random.default_rng(0)
    for name in elsewhere.class_names:
        shutil.copytree(many / "test" / name, elsewhere.root / name)
        for i in range(3):
            Image.fromarray(rng.integers(0, 2, (40, 40), np.uint8) * 255).save(elsewhere.root / name / f"noise{i}.png")
    elsewhere.setup("calibrate")
    calibrate(path, elsewhere, tmp_path)
    listed = capsys.readouterr().out.partition("The furthest from the training images: ")[2]
    first = listed.split(". Are they")[0].split(", ")[:6]
    assert sorted(first) == sorted(f"{name}/noise{i}.png" for name in elsewhere.class_names for i in range(3))


@pytest.mark.parametrize("folder", ["val", ""])
def test_other_source_needs_no_train_folder(path, many, tmp_path, folder):
    complete_checkpoint(path, ready(many), tmp_path)
    elsewhere = ChestXRayDataModule(tmp_path / "elsewhere", image_size=32)
    for name in elsewhere.class_names:
        shutil.copytree(many / "test" / name, elsewhere.root / folder / name)
    elsewhere.setup("calibrate")
    calibrate(path, elsewhere, tmp_path)
    fitted_on = read_checkpoint(path).record(DECISION_KEY)["fitted_on"]
    assert fitted_on["images"] == len([file for file in (many / "test").rglob("*") if file.is_file()])
    assert fitted_on["validation"] == "folder"


def test_patients_of_val_and_test_are_kept_apart(make):
    root = make("both", patients={"val": (3, 3), "test": (3, 3)})
    shutil.copytree(root / "test" / "NORMAL", root / "val" / "NORMAL", dirs_exist_ok=True)
    with pytest.raises(UserError, match="share patients or files"):
        ChestXRayDataModule(root, image_size=32).setup("calibrate")
