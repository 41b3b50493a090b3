"""Figures for loggers: augmented training images, validation curves and the worst errors."""

from typing import TYPE_CHECKING

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from xray import NOTICE
from xray.callbacks.loggers import add_figure, takes_figures
from xray.callbacks.outputs import CollectOutputs
from xray.callbacks.plots import curves_figure, images_figure
from xray.data.dataset import ImageBatch

if TYPE_CHECKING:
    from xray.data.image_data import ImageData
    from xray.models.base import ImageClassifier


class AugmentedImages(Callback):
    """Show the first training images of an epoch as the model sees them.

    Args:
        count: How many images.
        every_n_epochs: Draw in every n-th epoch, starting with the first.
    """

    def __init__(self, count: int = 18, every_n_epochs: int = 5) -> None:
        self.count = count
        self.every_n_epochs = every_n_epochs

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: ImageBatch, batch_idx: int
    ) -> None:
        """Draw the first batch."""
        if batch_idx or trainer.current_epoch % self.every_n_epochs or not trainer.is_global_zero:
            return
        if not takes_figures(trainer):
            return
        data: ImageData = trainer.datamodule  # type: ignore[attr-defined]
        images = batch["image"][: self.count, 0].float().cpu().numpy()
        captions = [data.class_names[int(label)] for label in batch["label"][: self.count]]
        title = f"Training images after augmentation, epoch {trainer.current_epoch + 1}"
        add_figure(trainer, "train/images", images_figure(list(images), captions, title))


class ValidationFigures(CollectOutputs):
    """Draw ROC curve, precision-recall curve, confusion matrix and worst errors of the validation images.

    Args:
        worst: Number of the most confidently wrong images to show.
        every_n_epochs: Show these in every n-th epoch and the last; the curves are drawn in every epoch.
    """

    def __init__(self, worst: int = 12, every_n_epochs: int = 5) -> None:
        super().__init__()
        self.worst = worst
        self.every_n_epochs = every_n_epochs

    def on_outputs(self, trainer: Trainer, pl_module: LightningModule, index: Tensor, logits: Tensor) -> None:
        """Draw the figures of one epoch."""
        if trainer.state.fn != "fit" or not takes_figures(trainer):
            return
        model: ImageClassifier = pl_module  # type: ignore[assignment]
        data: ImageData = trainer.datamodule  # type: ignore[attr-defined]
        images = [data.images["val"][row] for row in index.tolist()]
        labels = np.array([image.label for image in images])
        scores = model.probability(logits).numpy()
        epoch = trainer.current_epoch
        threshold = float(model.threshold)
        title = f"{len(images)} validation images, epoch {epoch + 1}"
        add_figure(trainer, "val/curves", curves_figure(labels, scores, threshold, data.class_names, title))
        if epoch % self.every_n_epochs and epoch + 1 != trainer.max_epochs:
            return
        # Distance on the wrong side of the threshold, worst first.
        wrong_by = np.where(labels == 1, threshold - scores, scores - threshold)
        worst = [int(i) for i in np.argsort(-wrong_by, kind="stable")[: self.worst] if wrong_by[i] > 0]
        worst_images = [image / np.float32(255) for image in data.grey_images("val", index[worst].tolist())]
        captions = [
            f"{images[i].path.rsplit('/', 1)[-1]}\n{data.class_names[images[i].label]}, "
            f"P({data.class_names[1]}) = {scores[i]:.3f}"
            for i in worst
        ]
        title = f"Most confidently wrong validation images, epoch {epoch + 1}. {NOTICE}"
        add_figure(trainer, "val/worst", images_figure(worst_images, captions, title, columns=4))
