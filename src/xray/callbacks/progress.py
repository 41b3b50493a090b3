"""A progress bar, and one line per epoch, which also suits log files."""

import time
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.callbacks.progress.rich_progress import RichProgressBarTheme
from torch import Tensor

from xray.callbacks.history import batch_loss
from xray.data.dataset import ImageBatch


class RunProgressBar(RichProgressBar):
    """Progress bar on one line, with epochs counted from 1."""

    def __init__(self) -> None:
        super().__init__(theme=RichProgressBarTheme(metrics_format=".4g"))

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Return the metrics to show: not the run's version."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}

    def _get_train_description(self, current_epoch: int) -> str:
        return epoch_of(current_epoch, self.trainer.max_epochs)


def epoch_of(epoch: int, max_epochs: int | None) -> str:
    """Return an epoch, given counted from 0, as people count it, such as "Epoch 1/12"."""
    return f"Epoch {epoch + 1}" + (f"/{max_epochs}" if max_epochs is not None and max_epochs > 0 else "")


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
        self._losses += batch_loss(outputs, trainer.accumulate_grad_batches)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        names = ("val/loss", "val/calibrated_loss", "val/auroc")
        values = [
            f"{name} {float(trainer.callback_metrics[name]):.4f}" for name in names if name in trainer.callback_metrics
        ]
        if self._losses:
            values.insert(0, f"train/loss {float(torch.stack(self._losses).mean()):.4f}")
        seconds = time.monotonic() - self._started
        epoch = epoch_of(trainer.current_epoch, trainer.max_epochs)
        pl_module.print(f"{epoch}: {', '.join(values)}, {seconds:.0f} s")
