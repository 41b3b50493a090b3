"""What Lightning's documentation promises of a config, in whole runs."""

from pathlib import Path

import pytest
import torch
import yaml

from tests.end_to_end.commands import fit, metrics, run


@pytest.mark.parametrize(("precision", "kept"), [("64-true", torch.float64), ("16-true", torch.float16)])
def test_every_weight_in_another_precision(images: Path, precision: str, kept: torch.dtype):
    fit(images, "--trainer.precision", precision, epochs=1)
    weights = torch.load("checkpoints/cnn/version_0/best.ckpt", weights_only=True)["state_dict"]
    assert {value.dtype for name, value in weights.items() if name.endswith(".weight")} == {kept}
    run("test")
    assert metrics("cnn/version_0")["images"] == 28


def test_learning_rate_finder_sets_the_rate_of_the_schedule(images: Path):
    finder = ["--trainer.callbacks+=LearningRateFinder", "--trainer.callbacks.num_training_steps", "40"]
    scheduler = ["--model.scheduler", "StepLR", "--model.scheduler.step_size", "100"]
    # Rates that the search could not suggest.
    fit(images, *finder, *scheduler, "--model.optimizer.lr", "7.5e-7", "--trainer.limit_train_batches", "4", epochs=12)
    last = torch.load("checkpoints/cnn/version_0/last.ckpt", weights_only=True)
    (group,) = last["optimizer_states"][0]["param_groups"]
    assert group["lr"] == group["initial_lr"] > 1e-6
    saved = yaml.safe_load(Path("logs/cnn/version_0/config.yaml").read_text())
    assert "LearningRateFinder" in str(saved["trainer"]["callbacks"])
