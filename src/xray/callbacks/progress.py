"""Print one line per epoch, which also suits log files."""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from xray.data.dataset import ImageBatch


class EpochLines(Callback):
    """Print mean training loss, validation metrics and duration after every epoch."""

    def __init__(self) -> None:
        self._started = 0.0
        self._losses: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; after a resume Lightning does not call `on_train_epoch_start`."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()
        self._losses.clear()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's type
        batch: ImageBatch,
        batch_idx: int,
    ) -> None:
        """Keep the loss of the batch for the epoch's mean."""
        self._losses.append(outputs["loss"].detach())

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        names = ("val/loss", "val/auroc")
        values = [
            f"{name} {float(trainer.callback_metrics[name]):.4f}" for name in names if name in trainer.callback_metrics
        ]
        if self._losses:
            values.insert(0, f"train/loss {float(torch.stack(self._losses).mean()):.4f}")
        seconds = time.monotonic() - self._started
        pl_module.print(f"Epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: {', '.join(values)}, {seconds:.0f} s")
