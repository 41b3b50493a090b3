"""What the peers' jobs have in common: their command line, and the line that they end with."""

import argparse
import json
from pathlib import Path

LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05
MEAN, STD = 0.5, 0.25
"""Of configs/cnn.yaml and its network, so that all tools train alike."""


def parse_job(description: str | None) -> argparse.Namespace:
    """Read the command line.

    Added are `same`, true where precision and the rest are ours and not the peer's defaults, and `tuned`, true where
    the peer also gets a less known option.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, required=True, help="folder with train and val")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--precision", choices=["bf16-mixed", "32-true"], default="bf16-mixed", help="of `same` and `tuned`"
    )
    parser.add_argument("--settings", choices=["same", "tuned", "defaults"], default="same")
    job = parser.parse_args()
    job.same, job.tuned = job.settings != "defaults", job.settings == "tuned"
    return job


def report(peer: str, job: argparse.Namespace, images: int, epoch_seconds: list[float], accuracy: float) -> None:
    """Print what the harness reads: one line of JSON, the last of the output.

    Args:
        peer: Name of the script.
        job: Its command line.
        images: Training images.
        epoch_seconds: Duration of each epoch, validation included.
        accuracy: On the validation images after the last epoch.
    """
    line = {
        "peer": peer,
        "settings": job.settings,
        "images": images * job.epochs,
        "epoch_seconds": [round(seconds, 2) for seconds in epoch_seconds],
        "val_accuracy": round(accuracy, 4),
    }
    print(json.dumps(line), flush=True)
