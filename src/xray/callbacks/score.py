"""Write the scored set and its report at the end of validate and test."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from xray.callbacks.loggers import has_tensorboard_log, log_test
from xray.callbacks.outputs import CollectOutputs
from xray.evaluation.scored_set import SOURCE, ScoredSet, read_scored_set, write_scored_set
from xray.report.build import write_readable_reports
from xray.report.scored_sets import sets_of_same_run
from xray.report.terminal import print_summary
from xray.scoring.evaluate import SplitScorer
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.image_data import ImageData
    from xray.models.base import ImageClassifier

IDENTITY = (
    "checkpoint",
    "data_root",
    "split",
    "data_fingerprint",
    "image_size",
    "resize",
    "temperature",
    "offset",
    "threshold",
)
"""Keys of the source by which two scored sets are the same: scoring again replaces one, otherwise both are kept."""


class ScoreWriter(CollectOutputs):
    """Write a scored set and its report; `print_results` prints its summary.

    Args:
        folder: Folder of the scored set. A scored set of other images or of another checkpoint in it is renamed.
        scorer: The split, checkpoint and options of the scoring.
        tensorboard: Folder of the run, whose TensorBoard log gets the results, if it has one; None if they are not
            those of the run's own test.
    """

    def __init__(self, folder: Path, scorer: SplitScorer, tensorboard: Path | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.scorer = scorer
        self.tensorboard = tensorboard
        self.summary: dict[str, Any] = {}
        self.damaged: dict[Path, UserError] = {}

    def on_outputs(self, trainer: Trainer, pl_module: LightningModule, index: Tensor, logits: Tensor) -> None:
        """Write the scored set and the reports."""
        model: ImageClassifier = pl_module  # type: ignore[assignment]
        data: ImageData = trainer.datamodule  # type: ignore[attr-defined]
        assert len(index) == len(data.images[self.scorer.split]), (
            "ScoreWriter is not used with a limited number of images"
        )
        scored_set = self.scorer.score(model, data, logits.numpy())
        keep_earlier(self.folder, scored_set.source)
        write_scored_set(self.folder, with_earlier_robustness(scored_set, self.folder))
        # A set of an earlier version beside it is no fault of this one.
        summaries, self.damaged = write_readable_reports(sets_of_same_run(self.folder))
        if self.folder in self.damaged:
            raise self.damaged.pop(self.folder)
        self.summary = summaries[self.folder]
        if self.tensorboard is not None and has_tensorboard_log(self.tensorboard):
            log_test(self.tensorboard, self.summary)

    def print_results(self) -> None:
        """Print the summary, and where the results are, if this is the first process."""
        if not self.summary:
            return
        kind = "External" if self.scorer.external else self.scorer.split.capitalize()
        print_summary(self.summary, f"{kind} images of {self.summary['source']['data_root']}")
        for error in self.damaged.values():
            print(f"Not rebuilt: {error}")
        print(f"Written: {self.folder}/ with report.html, metrics.json, predictions.csv, model_card.md, figures/")


def with_earlier_robustness(scored_set: ScoredSet, folder: Path) -> ScoredSet:
    """Add the robustness results of an earlier scoring of the same images by the same checkpoint, if there are any."""
    try:
        earlier = read_scored_set(folder)
    except UserError:
        return scored_set
    if scored_set.robustness or not earlier.robustness or list(earlier.table.path) != list(scored_set.table.path):
        return scored_set
    print("Kept: the robustness results of the earlier scoring")
    return replace(scored_set, robustness=earlier.robustness)


def keep_earlier(folder: Path, source: Mapping[str, object]) -> None:
    """Rename an earlier result if it has another source: images, checkpoint, size or decision."""
    try:
        earlier = json.loads((folder / SOURCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if any({"offset": 0.0, **earlier}.get(key) != source[key] for key in IDENTITY):
        number = next(n for n in range(1, 10**6) if not folder.with_name(f"{folder.name}_{n}").exists())
        folder.rename(folder.with_name(f"{folder.name}_{number}"))
        print(f"Kept: the earlier result of {earlier.get('data_root')} is now in {folder.name}_{number}/")
