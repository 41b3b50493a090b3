"""Pictures for TensorBoard: where the model's number comes from, on the same validation images again and again."""

from typing import TYPE_CHECKING

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from xray import NOTICE
from xray.callbacks.figures import add_figure
from xray.evaluation.figures import images_figure
from xray.explain.maps import CAVEATS, Explanation
from xray.explain.overlay import colours, lay_over, over_grey
from xray.models.activation import find_activation
from xray.models.grad_cam import evaluating, grad_cam
from xray.scoring.inference import logits_of

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule
    from xray.models.base import ImageClassifier

COLUMNS = 6


class SaliencyFigures(Callback):
    """Show validation images with Grad-CAM over them, while the model learns.

    Training goes on as if nobody had looked. A network without Grad-CAM, such as a transformer, gets no pictures, which
    is said once: occlusion would take hundreds of passes of every epoch that is shown.

    Args:
        count: How many images, half of them of each class.
        every_n_epochs: Draw in every n-th epoch, the first among them, and in the last.
    """

    def __init__(self, count: int = 6, every_n_epochs: int = 5) -> None:
        self.count = count
        self.every_n_epochs = every_n_epochs

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw one epoch."""
        epoch = trainer.current_epoch
        if trainer.state.fn != "fit" or trainer.sanity_checking or not trainer.is_global_zero:
            return
        if epoch % self.every_n_epochs and epoch + 1 != trainer.max_epochs:
            return
        model: ImageClassifier = pl_module  # type: ignore[assignment]
        data: ChestXRayDataModule = trainer.datamodule  # type: ignore[attr-defined]
        with evaluating(model):
            activation = find_activation(model, data.image_size)
        if activation is None:
            if not epoch:
                rank_zero_info("No Grad-CAM in TensorBoard: this network does not end in a map of convolutions.")
            return
        labels = [image.label for image in data.images["val"]]
        rows = fixed_rows(labels, self.count)
        images = data.grey_images("val", rows)
        with evaluating(model):
            logits = logits_of(model, [images])
        pictures, captions = [], []
        for row, image, logit, values in zip(
            rows, images, logits, grad_cam(model, activation.layer, images), strict=True
        ):
            explanation = Explanation.of("gradcam", values)
            # Over the square as the network saw it, whatever the image's own proportions.
            heat = colours(lay_over(values, (len(image), len(image)), "stretch") / np.float32(explanation.limit))
            name = data.images["val"][row].path.rsplit("/", 1)[-1]
            pictures += [image / np.float32(255), over_grey(image, heat) / np.float32(255)]
            captions += [
                f"{name}\n{data.class_names[labels[row]]}",
                f"logit {logit:+.2f}\ncolours end at ±{explanation.limit:.2g}",
            ]
        negative, positive = data.class_names
        title = f"Grad-CAM, epoch {epoch}: blue speaks for {negative}, orange for {positive}. {NOTICE}"
        figure = images_figure(pictures, captions, title, COLUMNS)
        # Between the title and the captions below it.
        figure.text(0.5, 1 - 0.3 / figure.get_figheight(), CAVEATS["gradcam"], ha="center", va="top", fontsize=7)
        add_figure(trainer, "val/grad_cam", figure)


def fixed_rows(labels: list[int], count: int) -> list[int]:
    """Rows of images to show, the same ones in every epoch: evenly through the images of each class.

    Args:
        labels: 0 or 1 for each image.
        count: How many rows; half of them, or a class's all, are of each class.

    Returns:
        The rows of the negative class, then those of the positive one, each ascending.
    """
    rows: list[int] = []
    for label, wanted in ((0, count // 2), (1, count - count // 2)):
        members = np.flatnonzero(np.array(labels) == label)
        places = np.linspace(0, len(members) - 1, min(wanted, len(members))).round().astype(int)
        rows += members[places].tolist()
    return rows
