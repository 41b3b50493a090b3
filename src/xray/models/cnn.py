"""Classifier with a small network trained from scratch."""

from collections.abc import Sequence

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable

from xray.evaluation.operating_point import OperatingPoint
from xray.models.base import ClassWeight, ImageClassifier, adamw
from xray.models.schedule import WarmupCosine
from xray.models.simple_cnn import SimpleCNN
from xray.utils.errors import UserError, require_between


class CNNClassifier(ImageClassifier):
    """`SimpleCNN` as a classifier.

    Args:
        widths: Channels of each residual stage.
        dropout: Probability of dropping a pooled feature.
        optimizer: See `ImageClassifier`.
        scheduler: See `ImageClassifier`.
        class_weight: See `ImageClassifier`.
        label_smoothing: See `ImageClassifier`.
        operating_point: See `ImageClassifier`.
        compile: See `ImageClassifier`.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        dropout: float = 0.2,
        optimizer: OptimizerCallable = adamw,
        scheduler: LRSchedulerCallable = WarmupCosine,
        class_weight: ClassWeight = "balanced",
        label_smoothing: float = 0.0,
        operating_point: OperatingPoint = OperatingPoint(),  # noqa: B008 - frozen
        compile: bool = False,
    ) -> None:
        require_between("model.dropout", dropout, 0, 1)
        if not widths or min(widths) < 1:
            raise UserError(
                f"model.widths {list(widths)} must list the channels of at least one stage, for example [32, 64]."
            )
        # Mean 0.5 and std 0.25 bring full-range grey images to about zero mean and unit variance.
        network = SimpleCNN(widths, dropout)
        super().__init__(
            network, 0.5, 0.25, optimizer, scheduler, class_weight, label_smoothing, operating_point, compile
        )
        self.save_hyperparameters()
