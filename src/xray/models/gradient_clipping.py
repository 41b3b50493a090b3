"""Clip gradients of fused optimisers in mixed precision, which Lightning does not support."""

from lightning.pytorch import Trainer
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.utilities import GradClipAlgorithmType
from torch.optim import Optimizer

from xray.utils.errors import UserError


def is_fused_and_mixed(optimizer: Optimizer, trainer: Trainer) -> bool:
    """Return whether a fused optimiser trains in mixed precision."""
    fused = any(group.get("fused") for group in optimizer.param_groups)
    return fused and isinstance(trainer.strategy.precision_plugin, MixedPrecision)


def clip_fused(optimizer: Optimizer, trainer: Trainer, value: float, algorithm: str | None) -> None:
    """Clip gradients that are not scaled, as in bf16-mixed.

    Args:
        optimizer: The optimiser.
        trainer: Its trainer, in mixed precision.
        value: The limit.
        algorithm: norm, also if None, or value.

    Raises:
        UserError: Gradients are scaled (16-mixed), and a fused optimiser would unscale them only after clipping.
    """
    plugin = trainer.strategy.precision_plugin
    assert isinstance(plugin, MixedPrecision)
    if plugin.scaler is not None:
        raise UserError(
            f"trainer.precision {trainer.precision} scales gradients, which cannot be clipped with a fused "
            "optimiser: add --model.optimizer.init_args.fused false, or train in bf16-mixed."
        )
    Precision.clip_gradients(plugin, optimizer, value, GradClipAlgorithmType(algorithm or "norm"))
