"""best.ckpt and last.ckpt, in the run's own folder."""

import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_warn

from xray.utils.errors import UserError


class RunCheckpoint(ModelCheckpoint):
    """Keep the best and the last epoch in `<root>/<experiment>/version_N/`.

    Args:
        root: Folder of all checkpoints; experiment and version are the logger's.
        monitor: The logged value that tells the best epoch.
        mode: Whether more of it or less is better.
    """

    def __init__(
        self, root: Path = Path("checkpoints"), monitor: str = "val/loss", mode: Literal["max", "min"] = "min"
    ) -> None:
        # An improved best.ckpt replaces the one before. Lightning's own `save_last` would write last.ckpt only in
        # epochs that improve, so a run that goes on from it would repeat the others.
        super().__init__(
            monitor=monitor,
            mode=mode,
            filename="best",
            save_last=False,
            auto_insert_metric_name=False,
            enable_version_counter=False,
            # Never in the middle of an epoch, from which no run could go on.
            save_on_train_epoch_end=True,
        )
        self.root = Path(root)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the run's folder."""
        if stage == "fit" and not _is_trial(trainer):
            logger = trainer.logger
            if logger is None or logger.name is None or logger.version is None:
                raise UserError(
                    "trainer.logger has no name and version to file checkpoints under: use TensorBoardLogger as in "
                    "configs/cnn.yaml, or take RunCheckpoint out of trainer.callbacks."
                )
            version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
            self.dirpath = str(self.root / logger.name / version)
        super().setup(trainer, pl_module, stage)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write best.ckpt if the epoch is the best so far, and last.ckpt in any case."""
        super().on_train_epoch_end(trainer, pl_module)
        watched = trainer.callback_metrics.get(str(self.monitor))
        if watched is not None and not watched.isfinite():
            rank_zero_warn(f"{self.monitor} is no number in epoch {trainer.current_epoch}: try a lower learning rate.")
        if not _is_trial(trainer):
            trainer.save_checkpoint(Path(str(self.dirpath)) / "last.ckpt", weights_only=False)

    def state_dict(self) -> dict[str, Any]:
        """Name the best checkpoint in full: a resumed run may start in another folder."""
        state = super().state_dict()
        best = state["best_model_path"]
        return state | {"best_model_path": str(Path(best).absolute()) if best else ""}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Bring the best epoch so far along into the folder of a resumed run; without it the search begins anew."""
        best, score = Path(state_dict["best_model_path"]), state_dict["best_model_score"]
        if self.dirpath is None or not self._is_best(best, score):
            rank_zero_warn(f"The best epoch so far is not in {best}: best.ckpt will be the best of the epochs to come.")
            return
        Path(self.dirpath).mkdir(parents=True, exist_ok=True)
        brought = str(shutil.copy2(best, Path(self.dirpath) / best.name))
        own = {"dirpath": self.dirpath, "best_model_path": brought, "kth_best_model_path": brought, "kth_value": score}
        super().load_state_dict(state_dict | own | {"best_k_models": {brought: score}})

    def _is_best(self, path: Path, score: torch.Tensor) -> bool:
        """Whether a file is the checkpoint of that score, and not one that took its name later."""
        if not path.is_file():
            return False
        stored = torch.load(path, map_location="cpu", weights_only=True)["callbacks"].get(self.state_key, {})
        return bool(stored.get("best_model_score") == score)


def _is_trial(trainer: Trainer) -> bool:
    """Whether this is a `fast_dev_run`, which leaves no trace."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
