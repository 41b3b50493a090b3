"""Run commands in the working folder, and read what they wrote."""

import csv
import json
from pathlib import Path
from typing import Any

from tests.tiny_runs import CONFIGS, FAST, TINY
from xray.cli import main

CNN = CONFIGS / "cnn.yaml"
BEST = Path("checkpoints/cnn/version_0/best.ckpt")
RUN = Path("logs/cnn/version_0")


def run(*args: object) -> None:
    assert main([str(word) for word in args]) == 0


def fit(root: Path, *args: object, config: Path = CNN, epochs: int = 2) -> None:
    run(
        "fit", "--config", config, "--data.root", root, *TINY[config.stem], *FAST, "--trainer.max_epochs", epochs, *args
    )


def table(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def metrics(run_folder: str, stage: str = "test") -> dict[str, Any]:
    return dict(json.loads(Path("logs", run_folder, stage, "metrics.json").read_text()))
