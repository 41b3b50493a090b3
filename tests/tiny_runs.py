"""Train a tiny run with the command line."""

import os
from contextlib import chdir
from pathlib import Path

from tests.conftest import make_images
from xray.cli import main

CONFIGS = Path(__file__).parents[1] / "configs"
TINY = {
    "cnn": ["--model.widths", "[8, 8]"],
    # The smallest backbone of timm, with random weights, since tests may not download any.
    "timm": ["--model.backbone", "test_efficientnet", "--model.pretrained", "false"],
}
FAST = ["--data.image_size", "32", "--data.batch_size", "8", "--trainer.accelerator", "cpu"]
FAST += ["--trainer.precision", "32-true"]


def tiny_run(folder: Path, kind: str = "cnn", *args: str) -> Path:
    """Train for one epoch in `folder`; return the absolute path of the best checkpoint."""
    root = make_images(folder / "images", patients={"train": (36, 40), "val": (2, 2), "test": (6, 8)})
    with chdir(folder):
        config = os.fspath(CONFIGS / f"{kind}.yaml")
        fast = [*TINY[kind], *FAST, "--trainer.max_epochs", "1"]
        assert main(["fit", "--config", config, "--data.root", os.fspath(root), *fast, *args]) == 0
    return folder / "checkpoints" / kind / "version_0" / "best.ckpt"
