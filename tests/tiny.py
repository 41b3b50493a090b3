"""A tiny trained run, made as users make one."""

import os
from contextlib import chdir
from pathlib import Path

from tests.conftest import make_images
from xray.cli import main

CONFIGS = Path(__file__).parents[1] / "configs"
TINY = {
    "cnn": ["--model.widths", "[8, 8]"],
    # The smallest backbones of timm, with random weights: nothing may reach the network.
    "timm": ["--model.backbone", "test_efficientnet", "--model.pretrained", "false"],
}
FAST = ["--data.image_size", "32", "--data.batch_size", "8", "--trainer.accelerator", "cpu"]
FAST += ["--trainer.precision", "32-true", "--trainer.max_epochs", "1"]


def tiny_run(folder: Path, kind: str = "cnn", *words: str) -> Path:
    """Train for an epoch below `folder`; returns the best checkpoint, an absolute path."""
    root = make_images(folder / "images", patients={"train": (36, 40), "val": (2, 2), "test": (6, 8)})
    with chdir(folder):
        config = os.fspath(CONFIGS / f"{kind}.yaml")
        assert main(["fit", "--config", config, "--data.root", os.fspath(root), *TINY[kind], *FAST, *words]) == 0
    return folder / "checkpoints" / kind / "version_0" / "best.ckpt"
