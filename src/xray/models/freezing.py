"""Freeze a network's parameters, and unfreeze them stage by stage."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lightning.pytorch import Trainer
from torch import nn

from xray.utils.errors import UserError, require_between

Stages = Sequence[Sequence[str]]
"""Parameter names of each stage, in the order in which the stages are unfrozen."""


@dataclass(frozen=True)
class Freezing:
    """Train the head of a network first, then unfreeze further stages, one each epoch.

    Args:
        stages: For each stage one or several regular expressions, which are searched in the names of the network's
            parameters; a parameter belongs to the first stage that matches. The first stage is the head and is always
            trained; what no stage matches stays frozen. By default the attribute `freeze_stages` of the network.
        head_epochs: Number of epochs in which only the first stage is trained.
        backbone_lr: Learning rate of the later stages as a multiple of the head's.
    """

    stages: list[str | list[str]] | None = None
    head_epochs: int = 1
    backbone_lr: float = 1.0

    def __post_init__(self) -> None:
        require_between("model.freeze.head_epochs", self.head_epochs, 0, 1000)
        require_between("model.freeze.backbone_lr", self.backbone_lr, 0, 10)


def stages_by_pattern(network: nn.Module, patterns: Sequence[str | Sequence[str]] | None) -> Stages:
    """Return the names of the network's parameters in each stage.

    Args:
        network: The network.
        patterns: As `Freezing.stages`.

    Raises:
        UserError: A pattern is no regular expression or matches no parameter, or there are no stages.
    """
    patterns = patterns if patterns is not None else getattr(network, "freeze_stages", None)
    names = [name for name, _ in network.named_parameters()]
    example = f"its parameters have names such as {names[0]} and {names[-1]}"
    if not patterns:
        raise UserError(
            f"model.freeze needs stages, since {type(network).__name__} has no attribute freeze_stages: "
            f"give model.freeze.stages; {example}."
        )
    left, stages = names, []
    for stage in patterns:
        alternatives = [stage] if isinstance(stage, str) else stage
        try:
            found = [name for name in left if any(re.search(one, name) for one in alternatives)]
        except re.error as error:
            raise UserError(f"model.freeze.stages: {stage} is not a regular expression ({error}).") from error
        if not found:
            raise UserError(
                f"model.freeze.stages: {stage} matches no parameter of {type(network).__name__} that an earlier stage "
                f"does not match; {example}."
            )
        stages.append(found)
        left = [name for name in left if name not in found]
    return stages


def groups_by_stage(model: nn.Module, network: nn.Module, stages: Stages, backbone_lr: float) -> list[dict[str, Any]]:
    """Return parameter groups of the later stages and of all other parameters, in this order.

    Args:
        model: The model; its own parameters are trained like the head.
        network: Its network.
        stages: The stages of the network.
        backbone_lr: Learning rate of the later stages as a multiple of the head's.
    """
    head = set(stages[0])
    body = [parameter for name, parameter in network.named_parameters() if name not in head]
    body_ids = {id(parameter) for parameter in body}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in body_ids]
    return [{"params": body, "lr_scale": backbone_lr}, {"params": rest, "lr_scale": 1.0}]


def check_strategy(trainer: Trainer) -> None:
    """Reject DDP strategies that would wait for gradients of frozen layers.

    Raises:
        UserError: The trainer has such a strategy.
    """
    options = getattr(trainer.strategy, "_ddp_kwargs", {})
    if trainer.world_size > 1 and not options.get("find_unused_parameters"):
        raise UserError(
            "This strategy cannot train frozen layers with several processes: add --trainer.strategy "
            "ddp_find_unused_parameters_true, or --trainer.devices 1."
        )


def train_stages(network: nn.Module, stages: Stages, head_epochs: int, epoch: int) -> None:
    """Freeze all parameters but those that are trained in an epoch.

    What is frozen depends only on the epoch, so a resumed run continues as an uninterrupted one.

    Args:
        network: The network, in training mode.
        stages: Its stages.
        head_epochs: Number of epochs in which only the first stage is trained.
        epoch: The epoch, from 0.
    """
    unfrozen = 1 + max(0, epoch - head_epochs + 1)
    trained = {name for stage in stages[:unfrozen] for name in stage}
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in trained)
    for name, module in network.named_modules():
        own = {f"{name}.{key}" if name else key for key, _ in module.named_parameters(recurse=False)}
        # Frozen batch normalisation keeps its statistics too.
        if own and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train(not own.isdisjoint(trained))
