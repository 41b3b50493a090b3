"""One line for each epoch, which stays in a log file when the progress bar has gone."""

import time

from lightning.pytorch import Callback, LightningModule, Trainer


class EpochLines(Callback):
    """Print loss, validation figures and time after every epoch."""

    def __init__(self) -> None:
        self._started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the line."""
        shown = ("train/loss", "val/loss", "val/auroc")
        values = [
            f"{name} {float(trainer.callback_metrics[name]):.4f}" for name in shown if name in trainer.callback_metrics
        ]
        seconds = time.monotonic() - self._started
        pl_module.print(f"Epoch {trainer.current_epoch + 1}/{trainer.max_epochs}: {', '.join(values)}, {seconds:.0f} s")
