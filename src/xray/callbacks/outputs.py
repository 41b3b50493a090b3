"""Collect the logits of an epoch, each image once."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from xray.data.dataset import ImageBatch


class CollectOutputs(Callback):
    """Base class of callbacks that use all logits of a validation or test epoch.

    A subclass implements `on_outputs`, which is called on the first process with the logits of all images.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[Tensor, Tensor]] = []

    def on_outputs(self, trainer: Trainer, pl_module: LightningModule, index: Tensor, logits: Tensor) -> None:
        """Process the logits of an epoch.

        Args:
            trainer: The trainer.
            pl_module: The model.
            index: Rows of the split's table, ascending and unique, shape (images,), int64.
            logits: Their logits, shape (images,), float64.
        """
        raise NotImplementedError

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's type
        batch: ImageBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the logits of a batch."""
        if not trainer.sanity_checking:
            self._parts.append((outputs["index"].detach().cpu(), outputs["logit"].detach().cpu().double()))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pass the epoch's logits to `on_outputs`."""
        if trainer.sanity_checking:
            return
        index, logits = (torch.cat(parts) for parts in zip(*self._parts, strict=True))
        self._parts = []
        if trainer.world_size > 1:
            device = pl_module.device
            index = trainer.strategy.all_gather(index.to(device)).flatten().cpu()
            logits = trainer.strategy.all_gather(logits.to(device)).flatten().cpu()
        if trainer.is_global_zero:
            # DistributedSampler repeats images to give all processes the same number; keep each once.
            rows, positions = torch.unique(index, return_inverse=True)
            unique = torch.empty(len(rows), dtype=torch.float64)
            unique[positions] = logits
            self.on_outputs(trainer, pl_module, rows, unique)

    on_test_batch_end = on_validation_batch_end
    on_test_epoch_end = on_validation_epoch_end
