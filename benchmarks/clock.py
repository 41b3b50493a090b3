"""Times the steps of an epoch; a config names it among its callbacks, as a user's own would be."""

import time
from typing import Any, ClassVar

import torch
from lightning.pytorch.callbacks import Callback


class Clock(Callback):
    """Images per second between the first few steps of training, which warm up, and the last."""

    rates: ClassVar[list[float]] = []
    """One for each epoch of each fit of this process."""

    def __init__(self, skip: int = 10) -> None:
        self.skip = skip
        self._images, self._start = 0, 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx < self.skip:
            return
        if batch_idx == self.skip:
            self._wait()
            self._images, self._start = 0, time.perf_counter()
            return
        self._images += len(batch["label"])
        if batch_idx + 1 == trainer.num_training_batches:
            self._wait()
            assert trainer.num_training_batches == trainer.limit_train_batches, "too few images for so many steps"
            self.rates.append(self._images / (time.perf_counter() - self._start))

    @staticmethod
    def _wait() -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
