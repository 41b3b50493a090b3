"""The end of validate and test: the predictions table, its metrics, and both on the screen."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from xray.callbacks.outputs import CollectOutputs
from xray.data.record import fingerprint
from xray.evaluation.predictions import Predictions, decide, write_predictions
from xray.evaluation.scores import print_metrics, score, write_metrics

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule
    from xray.models.base import FilmClassifier


class ScoreWriter(CollectOutputs):
    """Write predictions.csv and metrics.json.

    Args:
        folder: Where to; what an earlier scoring of other films or of another checkpoint left there is kept beside it.
        split: The split that is scored.
        checkpoint: What scored it.
    """

    def __init__(self, folder: Path, split: str, checkpoint: Path) -> None:
        super().__init__()
        self.folder = folder
        self.split = split
        self.checkpoint = checkpoint

    def on_outputs(self, trainer: Trainer, pl_module: LightningModule, index: Tensor, logits: Tensor) -> None:
        """Write and print."""
        model: FilmClassifier = pl_module  # type: ignore[assignment]
        data: ChestXRayDataModule = trainer.datamodule  # type: ignore[attr-defined]
        films = [data.films[self.split][row] for row in index.tolist()]
        probability = model.probability(logits).numpy()
        threshold = float(model.threshold)
        table = Predictions(
            path=[str(data.root / film.path) for film in films],
            patient=[film.patient for film in films],
            label=[data.class_names[film.label] for film in films],
            logit=logits.numpy(),
            probability=probability,
            decision=decide(probability, threshold, data.class_names),
        )
        source = {
            "checkpoint": str(self.checkpoint),
            "data_root": str(data.root),
            "split": self.split,
            "data_fingerprint": fingerprint(films),
            "image_size": data.image_size,
            "resize": data.resize,
        }
        metrics = score(table, data.class_names, threshold) | source | {"notes": data.notes}
        keep_earlier(self.folder, source)
        write_predictions(self.folder / "predictions.csv", table)
        write_metrics(self.folder / "metrics.json", metrics)
        print_metrics(metrics, f"{self.split.capitalize()} films of {data.root}")
        print(f"Written: {self.folder}/predictions.csv, {self.folder}/metrics.json")


def keep_earlier(folder: Path, source: Mapping[str, object]) -> None:
    """Move an earlier result out of the way if it has another source: films, checkpoint or size."""
    try:
        earlier = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if any(earlier.get(key) != value for key, value in source.items()):
        number = next(n for n in range(1, 10**6) if not folder.with_name(f"{folder.name}_{n}").exists())
        folder.rename(folder.with_name(f"{folder.name}_{number}"))
        print(f"Kept: the earlier result of {earlier.get('data_root')} is now in {folder.name}_{number}/")
