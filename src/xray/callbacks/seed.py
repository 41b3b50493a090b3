"""Seed random numbers by seed and epoch, so that resumed runs repeat."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class SeedEpochs(Callback):
    """Seed torch at the start of every epoch.

    Augmentation and dropout then draw the same numbers whether or not the run was resumed, and a resumed run gives the
    same results, bit for bit, as an uninterrupted one.
    """

    def __init__(self) -> None:
        self._seed = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the seed of the run."""
        self._seed = torch.initial_seed()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed the first epoch; after a resume Lightning does not call `on_train_epoch_start`."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed the epoch, differently in each process of a distributed run."""
        torch.manual_seed((self._seed + 1_000_003 * trainer.current_epoch + 7_919 * trainer.global_rank) % 2**63)
