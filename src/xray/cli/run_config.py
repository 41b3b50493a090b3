"""Complete the config of a fit: its experiment, the checkpoint that it resumes, its logger and callbacks."""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    Checkpoint,
    DeviceStatsMonitor,
    LearningRateMonitor,
    ProgressBar,
)
from lightning.pytorch.cli import LightningArgumentParser
from lightning.pytorch.loggers import Logger

from xray.callbacks.checkpoint import RunCheckpoint
from xray.callbacks.progress import RunProgressBar
from xray.callbacks.seed import SeedEpochs
from xray.cli.early_options import read_config
from xray.runs.run import find_model, newest_run
from xray.runs.settings import RunSettings
from xray.utils.class_description import arguments, path_of
from xray.utils.errors import UserError

NEEDED = (RunCheckpoint, SeedEpochs)
"""Callbacks without which a run has no model, or could not be repeated."""
NEEDS_LOGGER = (LearningRateMonitor, DeviceStatsMonitor)
"""Callbacks that stop a run without a logger."""
ONLY_FIT = (Checkpoint, BatchSizeFinder)
"""Callbacks that would write or change something in validate and test too, where they have no task."""


class XrayParser(LightningArgumentParser):
    """A parser whose usage line has the command that users type, and whose loggers need no folder but the run's."""

    def __init__(self, *args: Any, prog: str = "python -m xray fit", **kwargs: Any) -> None:
        super().__init__(*args, prog=prog, **kwargs)

    def add_class_arguments(self, theclass: type, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as jsonargparse
        """Add the parameters of a class; `save_dir` of a logger may be missing."""
        added = super().add_class_arguments(theclass, *args, **kwargs)
        if isinstance(theclass, type) and issubclass(theclass, Logger):
            for action in self._actions:
                action.required = action.required and action.dest != "save_dir"
        return added


def experiment_name(configs: Sequence[Path]) -> str:
    """Return the name of an experiment whose config gives none: that of the last config file."""
    return configs[-1].stem if configs else "default"


def resume_path(ckpt_path: str, run: RunSettings) -> Path:
    """Return the checkpoint to resume from.

    Args:
        ckpt_path: "last" or "best" of the experiment's newest run, a file, or a run or experiment (its last.ckpt).
        run: The experiment.

    Raises:
        UserError: There is no such checkpoint.
    """
    if ckpt_path == "last":
        return newest_run(run.root, run.checkpoints, run.name, "last").last
    if ckpt_path == "best":
        return newest_run(run.root, run.checkpoints, run.name).best
    return find_model(ckpt_path, "last")


def reject_old_config(path: Path) -> None:
    """Reject a config file of an earlier version, in which the logger and RunCheckpoint named the run's folders."""
    trainer = read_config(path).get("trainer")
    callbacks = trainer.get("callbacks") if isinstance(trainer, Mapping) else None
    for callback in callbacks if isinstance(callbacks, list) else []:
        if "root" in arguments(callback):
            raise UserError(
                f"{path} is of an earlier version of xray: write 'run: {{name: NAME, root: logs, checkpoints: "
                "checkpoints}' at its top, remove root of RunCheckpoint, and write trainer.logger: true.",
                status=2,
            )


def complete_trainer(trainer: Namespace) -> None:
    """Add what a fit needs to the trainer's settings, and remove callbacks that these exclude.

    Args:
        trainer: Its settings; changed in place, so that the saved config says it.
    """
    if trainer.fast_dev_run:  # writes nothing
        trainer.logger, trainer.enable_checkpointing = False, False
    if trainer.logger is True:
        trainer.logger = _described("lightning.pytorch.loggers.TensorBoardLogger")
    excluded: tuple[type, ...] = ()
    if trainer.enable_progress_bar is False:
        excluded += (ProgressBar,)
    if trainer.enable_checkpointing is False:
        excluded += (Checkpoint,)
    if not trainer.logger:
        excluded += NEEDS_LOGGER
    callbacks = [_expressible(each) for each in as_list(trainer.callbacks) if not _is_one_of(each, excluded)]
    for needed in NEEDED:
        if not issubclass(needed, excluded) and not any(_is_one_of(each, (needed,)) for each in callbacks):
            callbacks.append(_described(path_of(needed)))
    if trainer.enable_progress_bar is not False and not any(_is_one_of(each, (ProgressBar,)) for each in callbacks):
        # Lightning's own counts epochs from 0.
        callbacks.append(_described(path_of(RunProgressBar)))
    trainer.callbacks = callbacks


def scoring_callbacks(callbacks: Any) -> list[Any]:  # noqa: ANN401 - None, one or a list, parsed or not
    """Return those callbacks of a fit's config that take part in validate and test as well."""
    return [_expressible(each) for each in as_list(callbacks) if not _is_one_of(each, ONLY_FIT)]


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - as in a config
    """Return none, one or several callbacks or loggers of a config as a list."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, Mapping | Namespace) else []


def _expressible(callback: Any) -> Any:  # noqa: ANN401 - Mapping or Namespace
    """Return a callback without defaults that YAML cannot express, such as the enumeration of `Timer`."""
    for key, value in (callback.get("init_args") or {}).items():
        if isinstance(value, Enum | torch.device):
            callback["init_args"][key] = value.value if isinstance(value, Enum) else str(value)
    return callback


def _described(class_path: str) -> Namespace:
    return Namespace(class_path=class_path, init_args=Namespace())  # type: ignore[no-untyped-call]


def _is_one_of(described: Any, classes: tuple[type, ...]) -> bool:  # noqa: ANN401 - Mapping or Namespace
    return issubclass(resolve_name(described["class_path"]), classes)
