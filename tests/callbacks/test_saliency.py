"""Grad-CAM in TensorBoard: the same images in every epoch, and no effect on training."""

import os
from contextlib import chdir
from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.conftest import make_images
from tests.tiny_runs import CONFIGS, FAST, TINY

from xray.callbacks.saliency import fixed_rows
from xray.cli import main

NAME = "xray.callbacks.saliency.SaliencyFigures"
# The whole backbone is frozen at first.
FROZEN = ["--model.head_epochs", "1", "--model.unfreeze_stages", "1"]


def fit(folder, saliency):
    """Train for two epochs with or without the callback; returns the run's log folder and its last checkpoint."""
    root = folder / "images"
    if not root.exists():
        make_images(root)
    text = (CONFIGS / "timm.yaml").read_text()
    assert NAME in text
    if not saliency:
        text = text.replace(f"    - class_path: {NAME}\n", "")
    workdir = folder / ("with" if saliency else "without")
    workdir.mkdir()
    (workdir / "config.yaml").write_text(text)
    with chdir(workdir):
        options = [*TINY["timm"], *FAST, "--data.image_size", "64", "--trainer.max_epochs", "2", *FROZEN]
        assert main(["fit", "--config", "config.yaml", "--data.root", os.fspath(root), *options]) == 0
    run = Path("timm", "version_0")
    checkpoint = torch.load(workdir / "checkpoints" / run / "last.ckpt", weights_only=False)
    return workdir / "logs" / run, checkpoint


def test_training_is_bit_identical_with_and_without(tmp_path):
    logs, watched = fit(tmp_path, saliency=True)
    _, unwatched = fit(tmp_path, saliency=False)
    for name, tensor in unwatched["state_dict"].items():
        assert torch.equal(watched["state_dict"][name], tensor), name
    for number, state in unwatched["optimizer_states"][0]["state"].items():
        for key, value in state.items():
            assert torch.equal(watched["optimizer_states"][0]["state"][number][key], value), (number, key)
    events = EventAccumulator(os.fspath(logs)).Reload()
    # The first epoch and the last.
    assert [event.step for event in events.Images("val/grad_cam")] == [1, 2]


def test_chosen_images_are_spread_over_both_classes():
    labels = [0, 1, 1, 1, 0, 0, 1, 1, 0, 1]
    assert fixed_rows(labels, 4) == [0, 8, 1, 9]
    assert fixed_rows(labels, 5) == [0, 8, 1, 3, 9]
    assert fixed_rows([1, 1, 0], 6) == [2, 0, 1]
    assert fixed_rows([1, 1], 2) == [0]
