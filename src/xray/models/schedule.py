"""A learning-rate schedule that fits itself to the length of the run."""

import math
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from xray.utils.errors import UserError


class WarmupCosine(LRScheduler):
    """Linear warm-up, then half a cosine down to nothing (Loshchilov and Hutter, "SGDR", ICLR 2017).

    Its length is `total_steps`, which the LightningModule sets from the trainer before the first step, so that changing
    `trainer.max_epochs` or the data needs no other edit.

    Args:
        optimizer: The optimiser whose learning rates are scheduled.
        warmup: Share of all steps for the warm-up, from 0 to 1.

    Raises:
        UserError: The share is out of range.
    """

    def __init__(self, optimizer: Optimizer, warmup: float = 0.1) -> None:
        if not 0 <= warmup <= 1:
            raise UserError(f"WarmupCosine: warmup {warmup} must lie between 0 and 1, for example 0.1.")
        self.warmup = warmup
        self.total_steps = 0
        super().__init__(optimizer)

    def set_total_steps(self, total_steps: int) -> None:
        """Say how many optimiser steps the run will make, and set the present learning rates accordingly."""
        self.total_steps = total_steps
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """How far the run has come; what the config says of rates and length is the config's to say after a resume."""
        return {"last_epoch": self.last_epoch, "_step_count": self._step_count}

    def get_lr(self) -> list[float | Tensor]:
        """Learning rate of each parameter group at the present step."""
        return [rate * self._factor() for rate in self.base_lrs]

    def _factor(self) -> float:
        if self.total_steps == 0:
            return 1.0
        progress = min(self.last_epoch / self.total_steps, 1.0)
        if progress <= self.warmup:
            # Never zero, or the first step would be lost.
            return (self.last_epoch + 1) / (self.warmup * self.total_steps + 1)
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
