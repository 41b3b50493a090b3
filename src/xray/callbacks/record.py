"""What a run writes down about itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger

from xray.checkpoint import CONFIG_KEY
from xray.data.record import write_split, write_summary
from xray.files import write_whole

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule


class RunRecord(SaveConfigCallback):
    """Write the resolved config, the split and the data's summary into the run, and the config into every checkpoint.

    The command line adds it to every fit.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write config.yaml, split.csv and data.json before the first step."""
        if stage != "fit":
            return
        config = self.config.clone()
        # The place of the run is no part of what repeats it: a repeated run gets a place of its own.
        config.trainer.logger.init_args.version = None
        self._config = self.parser.dump(config, skip_none=False)
        folder = trainer.log_dir
        if folder is not None and trainer.is_global_zero:
            data: ChestXRayDataModule = trainer.datamodule  # type: ignore[attr-defined]
            with write_whole(Path(folder) / "config.yaml") as file:
                file.write(self._config)
            write_split(Path(folder) / "split.csv", data.films, data.class_names)
            write_summary(Path(folder) / "data.json", data)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Make the checkpoint whole: with its config it can be used far from its run."""
        checkpoint[CONFIG_KEY] = self._config

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the run in TensorBoard's table of hyper-parameters, with its final metrics."""
        if not isinstance(trainer.logger, TensorBoardLogger):
            return
        final = {
            f"final/{name}": float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")
        }
        best = getattr(trainer.checkpoint_callback, "best_model_score", None)
        if best is not None:
            final[f"best/{trainer.checkpoint_callback.monitor}"] = float(best)  # type: ignore[union-attr]
        trainer.logger.log_hyperparams(hyperparameters(yaml.safe_load(self._config)), final)


def hyperparameters(config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run that people compare, by dotted name.

    >>> hyperparameters({"seed_everything": 1, "model": {"class_path": "a.B", "init_args": {"x": 2}}, "data": {}})
    {'seed': 1, 'model': 'B', 'model.x': 2}
    """
    flat: dict[str, Any] = {"seed": config["seed_everything"]}
    for section in ("model", "data"):
        _flatten(config[section], section, flat)
    return flat


def _flatten(value: Any, name: str, flat: dict[str, Any]) -> None:  # noqa: ANN401 - anything YAML holds
    if isinstance(value, dict) and "class_path" in value:
        flat[name] = value["class_path"].rpartition(".")[2]
        value = value.get("init_args") or {}
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}", flat)
    elif isinstance(value, str | int | float | bool):
        flat[name] = value
    elif value is not None:
        flat[name] = str(value)
