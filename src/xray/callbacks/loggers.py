"""Give each experiment logger the run's name and folder, and log figures and final values in its own way."""

import os
from collections.abc import Collection, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from torch.utils.tensorboard.summary import hparams
from torch.utils.tensorboard.writer import SummaryWriter

from xray.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TEST_METRICS = ("auroc", "average_precision", "sensitivity", "specificity", "balanced_accuracy", "brier")
"""Results of a test that are logged."""


def new_logger(logger: type[Logger], args: Sequence[Any], given: Mapping[str, Any], run: Run) -> Logger:
    """Build a logger of a run.

    Args:
        logger: The class.
        args: Its positional arguments.
        given: Its other arguments in the config, with the class's defaults.
        run: The run.
    """
    arguments = {**given, **run_arguments(logger, given, run)}
    if issubclass(logger, MLFlowLogger):
        if not arguments.get("tracking_uri"):
            # MLflow is giving up folders in favour of databases, which need SQLAlchemy, and writes them only if asked.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return logger(*args, **arguments)


def run_arguments(logger: type[Logger], given: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Return name, version and folder of a run as the arguments that a logger's class takes.

    Args:
        logger: The class.
        given: Its arguments in the config, with the class's defaults. What the user chose is left out of the result.
        run: The run.
    """
    experiment, version, root = run.logs.parent.name, run.logs.name, run.logs.parent.parent
    if issubclass(logger, MLFlowLogger):
        arguments: dict[str, Any] = {
            "experiment_name": experiment,
            "run_name": version,
            # Absolute: MLflow keeps a store open, whatever the working folder becomes.
            "save_dir": str((root / "mlruns").absolute()),
        }
    elif issubclass(logger, WandbLogger):
        # W&B makes its own id: one of ours might be that of a run on another computer, which it would continue.
        arguments = {"name": run.name, "save_dir": str(run.logs)}
        arguments |= {} if os.environ.get("WANDB_PROJECT") else {"project": "xray"}
    else:
        arguments = {"name": experiment, "version": version, "save_dir": str(root)}
        if issubclass(logger, TensorBoardLogger):
            arguments["default_hp_metric"] = False  # hyper-parameters are logged with the results instead
    accepted = signature(logger).parameters.keys() | given.keys()
    return {
        key: value
        for key, value in arguments.items()
        if key in accepted and given.get(key) in (None, *_defaults(logger, key))
    }


def _defaults(logger: type[Logger], key: str) -> list[Any]:
    """Return the defaults of an argument of a class and of those that it inherits from."""
    parameters = (signature(base.__init__).parameters.get(key) for base in logger.__mro__)  # type: ignore[misc]
    return [parameter.default for parameter in parameters if parameter is not None]


def finish_loggers(trainer: Trainer) -> None:
    """End the run of W&B, which another fit in the same process would continue."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def takes_figures(trainer: Trainer) -> bool:
    """Return whether any logger of a trainer shows figures."""
    return any(isinstance(logger, TensorBoardLogger | MLFlowLogger | WandbLogger) for logger in trainer.loggers)


def add_figure(trainer: Trainer, tag: str, figure: "Figure") -> None:
    """Add a figure to all loggers of a trainer that show figures, under its epoch, counted from 1."""
    epoch = trainer.current_epoch + 1
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_figure(tag, figure, global_step=epoch)
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_figure(logger.run_id, figure, f"{tag}/epoch_{epoch:03d}.png")
        elif isinstance(logger, WandbLogger):
            logger.log_image(tag, [figure], step=trainer.global_step)


def log_final(
    trainer: Trainer, hyperparameters: Mapping[str, Any], values: Mapping[str, float], logged: Collection[str]
) -> None:
    """Log the hyper-parameters and the final values of a fit, under `final/`, to all loggers of a trainer.

    Args:
        trainer: The trainer.
        hyperparameters: By name, in the order in which they are shown.
        values: Of the epoch that is kept.
        logged: Hyper-parameters that Lightning has logged; MLflow takes each but once.
    """
    final = {f"final/{name}": value for name, value in values.items()}
    for logger in trainer.loggers:
        logger.log_metrics(final, trainer.global_step)
        if isinstance(logger, TensorBoardLogger):
            # TensorBoard compares only values that are announced here; `test` adds those of the test.
            announced = final | {f"final/test/{name}": 0.0 for name in TEST_METRICS}
            summaries = hparams(dict(hyperparameters), announced)  # type: ignore[no-untyped-call]
            for summary in summaries:
                logger.experiment._get_file_writer().add_summary(summary)
        else:
            logger.log_hyperparams({name: value for name, value in hyperparameters.items() if name not in logged})
        logger.save()


def has_tensorboard_log(logs: Path) -> bool:
    """Return whether a run's folder has something for TensorBoard to show."""
    return any(logs.glob("events.out.tfevents.*"))


def log_test(logs: Path, summary: Mapping[str, Any]) -> None:
    """Add the results of a test to the TensorBoard log in a run's folder.

    Args:
        logs: The folder.
        summary: Content of metrics.json.
    """
    values = {name: summary["metrics"][name]["value"] for name in TEST_METRICS}
    with SummaryWriter(logs) as writer:
        for name, value in values.items():
            if value is not None:
                writer.add_scalar(f"final/test/{name}", value)
