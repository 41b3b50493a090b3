"""Classifier with a small network trained from scratch."""

from collections.abc import Sequence
from typing import Any

from xray.models.base import ImageClassifier
from xray.models.simple_cnn import SimpleCNN
from xray.utils.errors import UserError, require_between


class CNNClassifier(ImageClassifier):
    """`SimpleCNN` as a classifier.

    Args:
        widths: Channels of each residual stage.
        dropout: Probability of dropping a pooled feature.
        options: Optimiser, schedule, loss and threshold, see `ImageClassifier`.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        dropout: float = 0.2,
        **options: Any,  # LightningCLI reads their names, types and help from ImageClassifier
    ) -> None:
        require_between("model.dropout", dropout, 0, 1)
        if not widths or min(widths) < 1:
            raise UserError(
                f"model.widths {list(widths)} must list the channels of at least one stage, for example [32, 64]."
            )
        # Mean 0.5 and std 0.25 bring full-range grey images to about zero mean and unit variance.
        network = SimpleCNN(widths, dropout)
        super().__init__(network, 0.5, 0.25, 1, **options)
        self.save_hyperparameters()
