"""Write the config, split and data summary of a run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger

from xray.data.split_record import summary, trained_images_json, write_split, write_summary
from xray.runs.checkpoint import CODE_KEY, CONFIG_KEY, DATA_KEY, TRAINED_KEY
from xray.utils.files import open_atomic
from xray.utils.provenance import code_version

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule


class RunRecord(SaveConfigCallback):
    """Write the resolved config, the split and a data summary into the run, and the same into every checkpoint.

    The command line adds this callback to every fit.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write config.yaml, split.csv and data.json before the first step."""
        if stage != "fit":
            return
        config = self.config.clone()
        # Without the version: a repeated run gets its own folder.
        config.trainer.logger.init_args.version = None
        self._config = self.parser.dump(config, skip_none=False)
        self._code = code_version() | {"device": str(trainer.strategy.root_device)}
        folder = trainer.log_dir
        if folder is not None and trainer.is_global_zero:
            data: ChestXRayDataModule = trainer.datamodule  # type: ignore[attr-defined]
            with open_atomic(Path(folder) / "config.yaml") as file:
                file.write(self._config)
            write_split(Path(folder) / "split.csv", data.images, data.class_names)
            write_summary(Path(folder) / "data.json", data)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add config, training images, data summary and code version, so the checkpoint can be used without its run."""
        checkpoint[CONFIG_KEY] = self._config
        data: ChestXRayDataModule = trainer.datamodule  # type: ignore[attr-defined]
        checkpoint[TRAINED_KEY] = trained_images_json(data)
        checkpoint[DATA_KEY] = json.dumps(summary(data))
        checkpoint[CODE_KEY] = json.dumps(self._code)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the hyper-parameters and final metrics to TensorBoard."""
        if not isinstance(trainer.logger, TensorBoardLogger):
            return
        final = {
            f"final/{name}": float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")
        }
        trainer.logger.log_hyperparams(hyperparameters(yaml.safe_load(self._config)), final)


def hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    """Return the most often compared settings of a run under short names; config.yaml has all.

    >>> hyperparameters({"model": {"class_path": "a.B", "init_args": {"x": 2, "y": None}}, "seed_everything": 1})
    {'model': 'B', 'x': 2, 'seed': 1}
    """
    model = config["model"]
    flat = {"model": _class_name(model)}
    for name, value in model.get("init_args", {}).items():
        if isinstance(value, dict) and "class_path" in value:
            flat[name] = _class_name(value)
            arguments = value.get("init_args", {})
            flat |= {key: arguments[key] for key in ("lr", "weight_decay") if key in arguments}
        else:
            flat[name] = value
    for section, names in (("data", ("root", "image_size", "batch_size")), ("trainer", ("max_epochs", "precision"))):
        flat |= {name: config[section][name] for name in names if name in config.get(section, {})}
    flat["seed"] = config["seed_everything"]
    return {
        name: value if isinstance(value, int | float) else str(value)
        for name, value in flat.items()
        if value is not None
    }


def _class_name(component: dict[str, Any]) -> str:
    return str(component["class_path"]).rpartition(".")[2]
