"""Random numbers that depend on the seed and the epoch alone."""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class SeedEpochs(Callback):
    """Seed torch anew at the start of every epoch.

    Augmentation and dropout then draw in epoch 7 what they would have drawn without the interruption after epoch 6,
    so a resumed run ends with the same figures, to the bit, as one that was never interrupted.
    """

    def __init__(self) -> None:
        self._seed = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the seed of the run."""
        self._seed = torch.initial_seed()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed the first epoch after a resume, for which Lightning calls no `on_train_epoch_start`."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed for this epoch; each process of a distributed run draws its own numbers."""
        torch.manual_seed((self._seed + 1_000_003 * trainer.current_epoch + 7_919 * trainer.global_rank) % 2**63)
