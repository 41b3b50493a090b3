"""A data module in memory, and a trainer that writes no files."""

from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer
from torch.utils.data import DataLoader

from xray.data.dataset import ImageDataset


class TinyData(LightningDataModule):
    """16 small noise images in four batches: 4 negative, 12 positive."""

    def __init__(self, size=32):
        super().__init__()
        rng = np.random.default_rng(0)
        self._images = ImageDataset(
            rng.integers(0, 256, (16, size, size), dtype=np.uint8), np.arange(16), [0, 1, 1, 1] * 4
        )
        self.class_counts = (4, 12)

    def train_dataloader(self):
        return DataLoader(self._images, batch_size=4, collate_fn=lambda batch: batch)

    val_dataloader = train_dataloader


class Rates(Callback):
    """Record the learning rates of the first and last parameter groups at each step."""

    def __init__(self):
        self.first, self.last = [], []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.first.append(optimizer.param_groups[0]["lr"])
        self.last.append(optimizer.param_groups[-1]["lr"])


@pytest.fixture
def trainer():
    """Return a factory of trainers on the CPU without logs, checkpoints or progress bars."""
    torch.manual_seed(0)
    return partial(
        Trainer,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
