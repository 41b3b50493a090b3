"""Build the optimiser and the learning-rate schedule that a config describes."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from lightning.pytorch import Trainer
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR, ReduceLROnPlateau

from xray.utils.errors import UserError

Interval = Literal["step", "epoch"]
"""When a schedule is stepped: after every optimiser step or every epoch."""

EVERY_STEP = (OneCycleLR, CyclicLR)
"""Schedules of torch that are meant to be stepped after every optimiser step; the others are stepped every epoch."""


def build_optimizer(factory: Callable[..., Optimizer], groups: list[dict[str, Any]]) -> Optimizer:
    """Return the optimiser of parameter groups, whose `lr_scale` multiplies their learning rate.

    Raises:
        UserError: The optimiser rejects its settings or the groups.
    """
    try:
        optimizer = factory(groups)
    except (TypeError, ValueError) as error:
        raise UserError(f"model.optimizer cannot be built: {error}") from error
    for group in optimizer.param_groups:
        group["lr"] *= group.get("lr_scale", 1.0)
    return optimizer


def build_schedule(
    factory: Callable[..., Any], optimizer: Optimizer, interval: Interval | None, trainer: Trainer
) -> dict[str, Any]:
    """Return a schedule and when it is stepped, in the form that Lightning expects.

    Args:
        factory: Builds the schedule from the optimiser. `OneCycleLR` gets the length of the run if it is not given.
        optimizer: The optimiser.
        interval: When the schedule is stepped. By default as its attribute `interval` says, else as torch means it.
        trainer: Knows the length of the run, which a method `set_total_steps` of the schedule gets.

    Raises:
        UserError: The schedule rejects its settings, or the run has no known length.
    """
    length = {}
    if _lacks_length(factory):
        length = {"total_steps": run_length(interval or "step", trainer)}
    try:
        scheduler = factory(optimizer, **length)
    except (TypeError, ValueError) as error:
        raise UserError(f"model.scheduler cannot be built: {error}") from error
    except ZeroDivisionError as error:
        raise UserError(
            f"model.scheduler cannot divide the {length.get('total_steps', 'few')} steps of the run into its phases: "
            "train longer, or give another pct_start."
        ) from error
    interval = interval or getattr(scheduler, "interval", "step" if isinstance(scheduler, EVERY_STEP) else "epoch")
    plan: dict[str, Any] = {"scheduler": scheduler, "interval": interval}
    if hasattr(scheduler, "set_total_steps"):
        scheduler.set_total_steps(run_length(plan["interval"], trainer))
    if isinstance(scheduler, ReduceLROnPlateau):
        if interval == "step":
            raise UserError("ReduceLROnPlateau reads a value of each epoch: leave model.scheduler_interval out.")
        # There is a new value only after a validation.
        frequency = trainer.check_val_every_n_epoch or 1
        plan |= {"monitor": getattr(scheduler, "monitor", "val/loss"), "frequency": frequency}
    return plan


def check_length(scheduler: object, interval: str, trainer: Trainer) -> None:
    """Check that a `OneCycleLR` lasts for the whole run; torch would fail only when it ends.

    Raises:
        UserError: It ends before the run.
    """
    if isinstance(scheduler, OneCycleLR) and scheduler.total_steps < (steps := run_length(interval, trainer)):
        raise UserError(
            f"OneCycleLR ends after {scheduler.total_steps} steps and the run has {steps}: leave its total_steps out, "
            "and resume a run only to its first length."
        )


def start_from(rate: float, trainer: Trainer) -> None:
    """Let optimisers and schedules start from a learning rate, such as one that was searched for."""
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    for group in groups:
        group["lr"] = group["initial_lr"] = rate * group.get("lr_scale", 1.0)
    for plan in trainer.lr_scheduler_configs:
        plan.scheduler.base_lrs = [group["initial_lr"] for group in groups]


def run_length(interval: str, trainer: Trainer) -> int:
    """Return the number of optimiser steps or epochs of a run.

    Raises:
        UserError: The run has no end.
    """
    length = trainer.estimated_stepping_batches if interval == "step" else trainer.max_epochs
    if length is None or length < 0 or math.isinf(length):
        raise UserError(
            "The learning-rate schedule needs the length of the run: set trainer.max_epochs"
            + (" or trainer.max_steps." if interval == "step" else ".")
        )
    return int(length)


def _lacks_length(factory: object) -> bool:
    """Return whether a config names `OneCycleLR` without a length."""
    if not isinstance(factory, partial) or OneCycleLR not in (factory.func, *factory.args):
        return False
    return not any(factory.keywords.get(key) for key in ("total_steps", "epochs", "steps_per_epoch"))
