"""Write the config, split and data summary of a run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonargparse import Namespace
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback

from xray.callbacks.checkpoint import RunCheckpoint
from xray.callbacks.loggers import log_final
from xray.data.split_record import summary, trained_images_json, write_split, write_summary
from xray.runs.checkpoint import CODE_KEY, CONFIG_KEY, DATA_KEY, METRICS_KEY, TRAINED_KEY, read_checkpoint
from xray.utils.class_description import arguments, class_name
from xray.utils.files import open_atomic
from xray.utils.provenance import code_version

if TYPE_CHECKING:
    from xray.data.image_data import ImageData


class RunRecord(SaveConfigCallback):
    """Write the resolved config, the split and a data summary into the run, and the same into every checkpoint.

    The command line adds this callback to every fit.

    Args:
        parser: The parser of the command.
        config: The parsed config.
        folder: Folder of the run; None in other processes than the first, which write nothing.
    """

    def __init__(self, parser: LightningArgumentParser, config: Namespace, folder: Path | None = None) -> None:
        super().__init__(parser, config)
        self.folder = folder

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write config.yaml, split.csv and data.json before the first step."""
        if stage != "fit":
            return
        self._config = self.parser.dump(repeatable(self.config), skip_none=False)
        self._code = code_version() | {"device": str(trainer.strategy.root_device)}
        if self.folder is not None and trainer.is_global_zero:
            data: ImageData = trainer.datamodule  # type: ignore[attr-defined]
            with open_atomic(self.folder / "config.yaml") as file:
                file.write(self._config)
            write_split(self.folder / "split.csv", data.recorded_splits, data.class_names)
            write_summary(self.folder / "data.json", data)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add config, training images, data summary and code version, so the checkpoint can be used without its run."""
        checkpoint[CONFIG_KEY] = self._config
        data: ImageData = trainer.datamodule  # type: ignore[attr-defined]
        checkpoint[TRAINED_KEY] = trained_images_json(data)
        checkpoint[DATA_KEY] = json.dumps(summary(data))
        checkpoint[CODE_KEY] = json.dumps(self._code)

        values = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        checkpoint[METRICS_KEY] = json.dumps(values)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the hyper-parameters, and the validation metrics of the epoch that is kept."""
        if not trainer.is_global_zero:
            return
        kept = [Path(each.best_model_path) for each in trainer.checkpoint_callbacks if isinstance(each, RunCheckpoint)]
        if kept and kept[0].is_file():
            best = read_checkpoint(kept[0])
            final = best.record(METRICS_KEY) | {"epoch": best.content["epoch"] + 1}
            log_final(trainer, hyperparameters(yaml.safe_load(self._config)), final, pl_module.hparams.keys())


def repeatable(config: Namespace) -> Namespace:
    """Return a config that YAML can express, without versions and ids of loggers: a repeated run gets its own."""
    config = config.clone()
    loggers = config.trainer.logger
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        for key in ("version", "id", "run_id"):
            if isinstance(logger, Namespace) and logger.get(f"init_args.{key}"):
                logger.init_args[key] = None
    return config


def hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a run under short names, those first that are compared most; config.yaml has all.

    >>> hyperparameters({"model": {"class_path": "a.B", "init_args": {"x": 2, "y": None}}, "seed_everything": 1})
    {'model': 'B', 'x': 2, 'seed': 1}
    >>> hyperparameters({"model": {"class_path": "a.B"}, "data": {"batch_size": 8}, "trainer": {"max_epochs": 3}})
    {'max_epochs': 3, 'batch_size': 8, 'model': 'B'}
    """
    model, data, trainer = (arguments(config.get(key)) for key in ("model", "data", "trainer"))
    optimizer = arguments(model.get("optimizer"))
    settings = {
        "lr": optimizer.get("lr"),
        "max_epochs": trainer.get("max_epochs"),
        "batch_size": data.get("batch_size"),
        "model": class_name(config.get("model")),
        "weight_decay": optimizer.get("weight_decay"),
        **{name: _short(value) for name, value in model.items()},
        **{name: data.get(name) for name in ("root", "image_size")},
        "precision": trainer.get("precision"),
        "seed": config.get("seed_everything"),
    }
    return {
        name: value if isinstance(value, int | float) else str(value)
        for name, value in settings.items()
        if value is not None
    }


def _short(value: Any) -> Any:  # noqa: ANN401 - any value of a config
    """Return the name of a class that is described; any other value as it is."""
    return class_name(value) if isinstance(value, dict) and "class_path" in value else value
