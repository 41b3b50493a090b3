"""Write the course of the training into the run's folder."""

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from xray.data.dataset import ImageBatch
from xray.runs.history import COLUMNS, HISTORY
from xray.utils.files import open_atomic

VALIDATED = ("val/loss", "val/calibrated_loss", "val/auroc")


def batch_loss(outputs: Any, accumulated_batches: int) -> list[Tensor]:  # noqa: ANN401 - Lightning's type
    """Return the loss of a batch; none if the training step skipped it.

    Args:
        outputs: What Lightning gives to `on_train_batch_end`.
        accumulated_batches: By how many it has divided the loss.
    """
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    return [] if loss is None else [loss.detach() * accumulated_batches]


class History(Callback):
    """Write `history.csv`: one line per epoch with losses, AUROC, learning rate and seconds, for the report.

    The command line adds this callback to every fit, so that the course of a run is known whichever loggers it has.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / HISTORY
        self._rows: list[dict[str, str]] = []
        self._losses: list[Tensor] = []
        self._started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's clock."""
        self._losses = []
        self._started = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's type
        batch: ImageBatch,
        batch_idx: int,
    ) -> None:
        """Keep the batch's loss."""
        self._losses += batch_loss(outputs, trainer.accumulate_grad_batches)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the epoch; a value that was not logged is left empty."""
        metrics = {name: value for name, value in trainer.callback_metrics.items() if name in VALIDATED}
        if self._losses:
            metrics["train/loss"] = torch.stack(self._losses).mean()
        row = {name: f"{float(value):.6g}" for name, value in metrics.items()}
        row["epoch"] = str(trainer.current_epoch + 1)
        row["lr"] = f"{trainer.optimizers[0].param_groups[0]['lr']:.6g}"
        row["seconds"] = f"{time.monotonic() - self._started:.2f}"
        self._rows.append(row)
        with open_atomic(self.path) as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
