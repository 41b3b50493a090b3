"""How near training comes to its limit: images per second of `fit` against the same module on one batch in memory.

Alternates the two, so that a machine whose speed drifts slows both; prints the median of each and the median of the
ratios.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from xray.data.datamodule import ChestXRayDataModule
from xray.data.dataset import FilmBatch
from xray.models.cnn import CNNClassifier
from xray.sources.synth import synth


class Clock(Callback):
    """Time the steps of an epoch after the first few, which warm up."""

    def __init__(self, skip: int = 5) -> None:
        self.skip = skip
        self.images = 0
        self.seconds = 0.0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if batch_idx == self.skip:
            self.images, self._start = 0, time.perf_counter()
        elif batch_idx > self.skip:
            self.images += len(batch["label"])
            self.seconds = time.perf_counter() - self._start


class Repeated:
    """One batch, again and again; a plain list would be taken for several loaders."""

    def __init__(self, batch: FilmBatch, times: int) -> None:
        self.batch, self.times = batch, times

    def __len__(self) -> int:
        return self.times

    def __iter__(self) -> Iterator[FilmBatch]:
        return iter([self.batch] * self.times)


class OneBatch(ChestXRayDataModule):
    """The limit: every step gets the same batch, ready in memory and not augmented."""

    def train_dataloader(self):
        batch = next(iter(super().train_dataloader()))
        batch["image"] = batch["image"].float() / 255
        batch = {key: value.to(self.trainer.strategy.root_device) for key, value in batch.items()}
        return Repeated(batch, len(super().train_dataloader()))

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return dict(batch)


def images_per_second(data_class: type[ChestXRayDataModule], root: Path, size: int, precision: str) -> float:
    """Train one epoch and measure it."""
    data = data_class(root=root, image_size=size, batch_size=32)
    clock = Clock()
    trainer = Trainer(
        max_epochs=1,
        precision=precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        callbacks=[clock],
    )
    trainer.fit(CNNClassifier(), datamodule=data)
    return clock.images / clock.seconds


def main() -> None:
    """Measure and print a row for the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, help="image folders; by default synthetic films are drawn")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.root
        if root is None:
            root = Path(folder) / "films"
            synth(root)
        fits, limits = [], []
        for repeat in range(options.repeats):
            with contextlib.redirect_stdout(None):
                fits.append(images_per_second(ChestXRayDataModule, root, options.size, options.precision))
                limits.append(images_per_second(OneBatch, root, options.size, options.precision))
            print(f"{repeat + 1}/{options.repeats}: fit {fits[-1]:.0f}, limit {limits[-1]:.0f} images/s")
    ratio = statistics.median(fit / limit for fit, limit in zip(fits, limits, strict=True))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{cores} cores"
    print(
        f"SimpleCNN at {options.size}, {options.precision}, {device}: fit {statistics.median(fits):.0f} images/s, "
        f"limit {statistics.median(limits):.0f}, ratio {ratio:.2f} (medians of {options.repeats})"
    )


if __name__ == "__main__":
    main()
