"""What can be known of a fit before it trains: whether the optimiser works, and which values are logged."""

import re
from copy import deepcopy

import torch
from jsonargparse import Namespace
from lightning.pytorch import Trainer

from xray.cli.error_messages import similar_name
from xray.cli.outside_errors import reason_of
from xray.data.dataset import ImageBatch
from xray.data.image_data import ImageData
from xray.models.base import ImageClassifier
from xray.runs.checkpoint import Checkpoint
from xray.runs.data_settings import data_settings
from xray.utils.errors import UserError, require_between

IMAGES = 4
"""Images of the trial step; batch normalisation needs more than one."""


def check_optimizer(model: ImageClassifier, data: ImageData, device: torch.device) -> None:
    """Let the optimiser train a copy of the model for one step; model and random numbers of the run stay as they are.

    Some optimisers only fail there: for sparse gradients, or for weights in channels-last (`LBFGS`).

    Args:
        model: The model.
        data: Set up for fit.
        device: Where it will be trained.

    Raises:
        UserError: The optimiser cannot train the network.
    """
    if _overrides(model, "training_step", "configure_optimizers"):
        return  # then a step is something else
    trial = deepcopy(model).to(device).train()
    with torch.random.fork_rng():
        # Training batches of a data module of one's own may have another form.
        batch: ImageBatch = next(iter(data.val_dataloader()))
        images, labels, index = (batch[key][:IMAGES].to(device) for key in ("image", "label", "index"))
        try:
            optimizer = trial.optimizer(trial.parameter_groups())

            def closure() -> float:
                optimizer.zero_grad()
                loss, _ = trial.model_step({"image": images, "label": labels, "index": index})
                _check_loss(loss, model.title)
                loss.backward()  # type: ignore[no-untyped-call]
                return float(loss.detach())

            optimizer.step(closure)
        except UserError:
            raise
        except Exception as error:  # of the user's own code or of torch
            raise UserError(f"model.optimizer cannot train {type(model).__name__}: {reason_of(error)}") from error


def _check_loss(loss: torch.Tensor, model: str) -> None:
    if loss.numel() != 1:
        raise UserError(f"{model}.loss returns shape {tuple(loss.shape)}: it must return one number, such as the mean.")
    if not loss.isfinite():
        raise UserError(
            f"The loss of {model} is {loss.item()} before the first step: the network or the loss divides by zero or "
            "takes the logarithm of zero."
        )


def check_trainer(settings: Namespace) -> None:
    """Reject settings of the trainer that fail late, or with words that do not help.

    Raises:
        UserError: One of them cannot work.
    """
    if settings.barebones:
        raise UserError(
            "trainer.barebones has neither checkpoints nor logs: leave it out; --trainer.profiler simple measures time."
        )
    require_between("trainer.accumulate_grad_batches", settings.accumulate_grad_batches, 1, 10**6)
    if settings.plugins and settings.precision and "recision" in str(settings.plugins):
        raise UserError("trainer.plugins has a precision of its own: add --trainer.precision null.")
    check_limits(settings)


def check_limits(trainer: Namespace) -> None:
    """Reject settings with which a fit would end without a model.

    Args:
        trainer: Settings of the trainer.

    Raises:
        UserError: There are such settings.
    """
    for name in ("max_epochs", "max_steps", "limit_train_batches"):
        if trainer[name] == 0:
            raise UserError(f"trainer.{name} 0 trains nothing: give at least 1, or leave it out.")
    for least, most in (("min_epochs", "max_epochs"), ("min_steps", "max_steps")):
        if (trainer[least] or 0) > (trainer[most] or -1) > 0:
            raise UserError(
                f"trainer.{least} {trainer[least]} is more than trainer.{most} {trainer[most]}: raise {most}."
            )
    if trainer.enable_checkpointing is False:
        return
    keep_none = "or keep no model with --trainer.enable_checkpointing false."
    if trainer.limit_val_batches == 0:
        raise UserError(
            "trainer.limit_val_batches 0 leaves no validation images to choose the best epoch and the threshold by: "
            f"leave it out, {keep_none}"
        )
    every, epochs = trainer.check_val_every_n_epoch or 1, trainer.max_epochs or -1
    if every > epochs > 0:
        raise UserError(
            f"trainer.check_val_every_n_epoch {every} never validates in trainer.max_epochs {epochs}, so no epoch "
            f"could be the best: give at most {epochs}, {keep_none}"
        )


def check_resumed(checkpoint: Checkpoint, data: ImageData) -> None:
    """Reject images of another form than those that a resumed run began with: its best epoch would not fit them.

    Args:
        checkpoint: The one that is resumed.
        data: Set up for fit.

    Raises:
        UserError: They differ.
    """
    began = data_settings(checkpoint.config)
    for name in ("image_size", "resize", "class_names"):
        before, now = began.get(name), getattr(data, name)
        now = list(now) if isinstance(now, tuple) else now
        if before is not None and before != now:
            raise UserError(
                f"{checkpoint.path} was trained with data.{name} {before}, which cannot become {now} on the way: "
                f"resume it as it was, or begin a new run from its weights with --model.weights {checkpoint.path}"
            )


def check_monitors(trainer: Trainer, model: ImageClassifier) -> None:
    """Reject a `monitor` that is never logged, where nobody else's code may log it.

    Raises:
        UserError: A callback monitors another name.
    """
    foreign = [callback for callback in trainer.callbacks if not _is_known(type(callback))]  # type: ignore[attr-defined]
    if foreign or _overrides(model, "training_step", "validation_step", "on_train_epoch_end"):
        return
    logged = {"train/loss", "val/loss", "val/calibrated_loss", *model.train_metrics, *model.val_metrics}
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        monitor = getattr(callback, "monitor", None)
        if monitor is not None and monitor not in logged:
            raise not_logged(type(callback).__name__, monitor, logged)


def not_logged(owner: str, monitor: str, logged: set[str]) -> UserError:
    """Return the error of a `monitor` that no one logs."""
    # As others spell it: val_loss, valid_acc, validation/auc.
    name = re.sub(r"^(val|train)[a-z]*[_/]", r"\1/", monitor.lower())
    meant = next((other for other in sorted(logged) if other.startswith(name)), "") or similar_name(name, logged)
    hint = f"did you mean {meant}?" if meant else f"logged are {', '.join(sorted(logged))}."
    return UserError(f"{owner}: monitor {monitor} is not logged; {hint}")


def _is_known(kind: type) -> bool:
    return kind.__module__.startswith(("lightning.", "xray."))


def _overrides(model: ImageClassifier, *methods: str) -> bool:
    return any(getattr(type(model), name) is not getattr(ImageClassifier, name) for name in methods)
