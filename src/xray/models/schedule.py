"""Learning-rate schedule with warm-up and cosine decay over the whole run."""

import math
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from xray.utils.errors import UserError


class WarmupCosine(LRScheduler):
    """Linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, "SGDR", ICLR 2017).

    The LightningModule sets `total_steps` from the trainer before the first step, so the schedule follows
    `trainer.max_epochs` and the size of the data.

    Args:
        optimizer: The optimiser whose learning rates are scheduled.
        warmup: Fraction of all steps used for the warm-up, from 0 to 1.

    Raises:
        UserError: `warmup` is out of range.
    """

    interval = "step"

    def __init__(self, optimizer: Optimizer, warmup: float = 0.1) -> None:
        if not 0 <= warmup <= 1:
            raise UserError(f"WarmupCosine: warmup {warmup} must be between 0 and 1, for example 0.1.")
        self.warmup = warmup
        self.total_steps = 0
        super().__init__(optimizer)

    def set_total_steps(self, total_steps: int) -> None:
        """Set the number of optimiser steps of the run and update the current learning rates."""
        self.total_steps = total_steps
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """Return only the progress: after a resume, rates and length come from the config."""
        return {"last_epoch": self.last_epoch, "_step_count": self._step_count}

    def get_lr(self) -> list[float | Tensor]:
        """Return the learning rate of each parameter group at the current step."""
        return [rate * self._factor() for rate in self.base_lrs]

    def _factor(self) -> float:
        if self.total_steps == 0:
            return 1.0
        progress = min(self.last_epoch / self.total_steps, 1.0)
        if progress <= self.warmup:
            # Never zero: the first step would have no effect.
            return (self.last_epoch + 1) / (self.warmup * self.total_steps + 1)
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
