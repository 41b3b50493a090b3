"""Figures for loggers: Grad-CAM on the same validation images in the course of training."""

from typing import TYPE_CHECKING

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from xray import NOTICE
from xray.callbacks.loggers import add_figure, takes_figures
from xray.callbacks.plots import images_figure
from xray.explain.maps import CAVEATS, Explanation
from xray.explain.overlay import colours, lay_over, over_grey
from xray.models.feature_map import find_feature_map
from xray.models.grad_cam import eval_mode, grad_cam
from xray.scoring.inference import logits_of

if TYPE_CHECKING:
    from xray.data.image_data import ImageData
    from xray.models.base import ImageClassifier

COLUMNS = 6


class SaliencyFigures(Callback):
    """Show validation images with Grad-CAM overlays during training.

    Training stays identical bit for bit. Networks without Grad-CAM, such as transformers, get a note instead of
    figures: occlusion would need hundreds of forward passes per image.

    Args:
        count: Number of images, half of them of each class.
        every_n_epochs: Draw in every n-th epoch, starting with the first, and in the last.
    """

    def __init__(self, count: int = 6, every_n_epochs: int = 5) -> None:
        self.count = count
        self.every_n_epochs = every_n_epochs

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the figure of one epoch."""
        epoch = trainer.current_epoch
        if trainer.state.fn != "fit" or trainer.sanity_checking or not trainer.is_global_zero:
            return
        if not takes_figures(trainer) or (epoch % self.every_n_epochs and epoch + 1 != trainer.max_epochs):
            return
        model: ImageClassifier = pl_module  # type: ignore[assignment]
        data: ImageData = trainer.datamodule  # type: ignore[attr-defined]
        with eval_mode(model):
            feature_map = find_feature_map(model, data.image_size)
        if feature_map is None:
            if not epoch:
                rank_zero_info("No Grad-CAM figures: this network does not end in a convolutional feature map.")
            return
        labels = [image.label for image in data.images["val"]]
        rows = fixed_rows(labels, self.count)
        images = data.grey_images("val", rows)
        with eval_mode(model):
            logits = logits_of(model, [images])
        panels, captions = [], []
        for row, image, logit, values in zip(
            rows, images, logits, grad_cam(model, feature_map.layer, images), strict=True
        ):
            explanation = Explanation.of("gradcam", values)
            # Drawn over the square input of the network, not over the original proportions.
            heat = colours(lay_over(values, (len(image), len(image)), "stretch") / np.float32(explanation.limit))
            name = data.images["val"][row].path.rsplit("/", 1)[-1]
            panels += [image / np.float32(255), over_grey(image, heat) / np.float32(255)]
            captions += [
                f"{name}\n{data.class_names[labels[row]]}",
                f"logit {logit:+.2f}\ncolours end at ±{explanation.limit:.2g}",
            ]
        negative, positive = data.class_names
        title = f"Grad-CAM, epoch {epoch + 1}: blue is evidence for {negative}, orange for {positive}. {NOTICE}"
        figure = images_figure(panels, captions, title, COLUMNS)
        # Between the title and the captions below it.
        figure.text(0.5, 1 - 0.3 / figure.get_figheight(), CAVEATS["gradcam"], ha="center", va="top", fontsize=7)
        add_figure(trainer, "val/grad_cam", figure)


def fixed_rows(labels: list[int], count: int) -> list[int]:
    """Choose the rows to show, the same in every epoch: evenly spaced over the images of each class.

    Args:
        labels: 0 or 1 for each image.
        count: Number of rows, half of each class, or fewer if a class has fewer images.

    Returns:
        Rows of the negative class, then of the positive class, each ascending.
    """
    rows: list[int] = []
    for label, number in ((0, count // 2), (1, count - count // 2)):
        members = np.flatnonzero(np.array(labels) == label)
        positions = np.linspace(0, len(members) - 1, min(number, len(members))).round().astype(int)
        rows += members[positions].tolist()
    return rows
