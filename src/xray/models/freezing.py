"""Freeze a network's parameters, and unfreeze them stage by stage."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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
