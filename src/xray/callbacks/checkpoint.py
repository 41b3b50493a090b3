"""Write best.ckpt and last.ckpt into the folder of the run."""

import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_warn

from xray.data.dataset import ImageBatch
from xray.runs.run import Run


class RunCheckpoint(ModelCheckpoint):
    """Keep the best and the last epoch in the run's folder of checkpoints, which the command `fit` sets.

    Args:
        monitor: The logged value by which the best epoch is chosen; by default the loss that is left after calibration.
        mode: Whether a higher or a lower value is better.
    """

    def __init__(self, monitor: str = "val/calibrated_loss", mode: Literal["max", "min"] = "min") -> None:
        # Lightning's `save_last` would write last.ckpt only in epochs that improve, so a run resumed from it would
        # repeat the later ones.
        super().__init__(
            monitor=monitor,
            mode=mode,
            filename="best",
            save_last=False,
            auto_insert_metric_name=False,
            enable_version_counter=False,
            # Never within an epoch: a run could not be resumed exactly from there.
            save_on_train_epoch_end=True,
        )

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401 - Lightning's type
        batch: ImageBatch,
        batch_idx: int,
    ) -> None:
        """Let Lightning validate where `max_steps` ends a run within an epoch, as it does at `max_time`."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        if 0 <= trainer.max_steps <= trainer.global_step:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write last.ckpt, and best.ckpt if the epoch is the best so far."""
        super().on_train_epoch_end(trainer, pl_module)
        monitored = trainer.callback_metrics.get(str(self.monitor))
        if monitored is not None and not monitored.isfinite():
            epoch = trainer.current_epoch + 1
            rank_zero_warn(f"{self.monitor} is not a finite number in epoch {epoch}: try a lower learning rate.")
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            trainer.save_checkpoint(Path(str(self.dirpath)) / "last.ckpt", weights_only=False)

    def state_dict(self) -> dict[str, Any]:
        """Store the absolute path of the best checkpoint: a run may be resumed from another folder."""
        state = super().state_dict()
        best = state["best_model_path"]
        return state | {"best_model_path": str(Path(best).absolute()) if best else ""}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Copy the best checkpoint so far into the folder of the resumed run, if it still exists."""
        if not state_dict["best_model_path"]:
            return  # saved before the first epoch, by a tuner
        best, score = Path(state_dict["best_model_path"]), state_dict["best_model_score"]
        if self.dirpath is None or not self._is_best(best, score):
            rank_zero_warn(
                f"{best} no longer contains the best epoch so far: best.ckpt will be the best epoch from now on."
            )
            return
        Path(self.dirpath).mkdir(parents=True, exist_ok=True)
        copied = str(shutil.copy2(best, Path(self.dirpath) / best.name))
        own = {"dirpath": self.dirpath, "best_model_path": copied, "kth_best_model_path": copied, "kth_value": score}
        super().load_state_dict(state_dict | own | {"best_k_models": {copied: score}})

    def _is_best(self, path: Path, score: torch.Tensor) -> bool:
        """Whether a file is the checkpoint with this score, and not a later one of the same name."""
        if not path.is_file():
            return False
        stored = torch.load(path, map_location="cpu", weights_only=True)["callbacks"].get(self.state_key, {})
        return bool(stored.get("best_model_score") == score)


def set_folders(trainer: Trainer, run: Run) -> None:
    """Let the checkpoint callbacks of a trainer write into the folder of a run.

    Further ones than `RunCheckpoint` get a folder in it, where they cannot replace its files, or that of their own
    `dirpath`.
    """
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, RunCheckpoint):
            callback.dirpath = str(run.checkpoints)
        elif isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
            callback.dirpath = str(run.checkpoints / "further")
