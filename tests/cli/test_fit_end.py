"""What a finished fit says of the next step."""

from pathlib import Path

import pytest
from lightning.pytorch import LightningDataModule
from tests.conftest import make_images

from xray.cli.fit_end import next_steps
from xray.data.batched_images import BatchedImages
from xray.data.datamodule import ChestXRayDataModule
from xray.runs.run import Run


class WithTest(LightningDataModule):
    def test_dataloader(self):
        return []


def run_in(logs, checkpoints):
    return Run(Path(logs, "cnn/version_0"), Path(checkpoints, "cnn/version_0"))


DEFAULT = run_in("logs", "checkpoints")


@pytest.mark.parametrize(
    ("run", "option"),
    [
        (DEFAULT, ""),
        (run_in("runs", "checkpoints"), " --config runs/cnn/version_0/config.yaml"),
        (run_in("logs", "disk"), " --config logs/cnn/version_0/config.yaml"),
        (run_in("my runs", "disk"), " --config 'my runs/cnn/version_0/config.yaml'"),
    ],
)
def test_run_in_other_folders_is_tested_by_its_saved_config(run, option, images):
    assert next_steps(run, ChestXRayDataModule(images)) == f"Next: python -m xray test{option}"


def test_without_test_images_it_says_where_they_can_come_from(tmp_path):
    root = make_images(tmp_path / "untested", patients={"train": (2, 2)})
    said = next_steps(DEFAULT, ChestXRayDataModule(root))
    assert said.startswith(f"There are no test images in {root}: ")
    assert "'python -m xray test --data.root DIR'" in said
    assert "--data.test_fraction" in said
    assert next_steps(DEFAULT, ChestXRayDataModule(root, test_fraction=0.2)) == "Next: python -m xray test"


def test_a_data_module_of_the_user_needs_a_test_dataloader():
    assert "has no test_dataloader" in next_steps(DEFAULT, BatchedImages(LightningDataModule()))
    assert next_steps(DEFAULT, BatchedImages(WithTest())) == "Next: python -m xray test"
