"""Predict images, and reject out-of-distribution ones."""

from dataclasses import dataclass

import numpy as np

from xray.data.arrays import Images
from xray.evaluation.predictions import decide
from xray.ood.detector import OODDetector
from xray.predictor.base import Predictor


@dataclass(frozen=True)
class ImagePrediction:
    """The prediction for one image.

    Args:
        logit: Raw output of the network.
        probability: Calibrated probability of the positive class, from 0 to 1.
        decision: Name of the predicted class.
        reject_reason: Why the image is rejected as out-of-distribution; empty if it is accepted.
    """

    logit: float
    probability: float
    decision: str
    reject_reason: str


class DecisionModel:
    """A predictor with its threshold and OOD detector.

    Args:
        predictor: The model. If its manifest has no OOD detector, nothing is rejected.
        reject_ood: Whether out-of-distribution images are rejected.
    """

    def __init__(self, predictor: Predictor, reject_ood: bool = True) -> None:
        self.predictor = predictor
        stored = predictor.manifest.ood if reject_ood else None
        self._ood = None if stored is None else OODDetector.from_dict(stored)

    @property
    def rejects(self) -> bool:
        """Whether out-of-distribution images are rejected."""
        return self._ood is not None

    def __call__(self, images: Images) -> list[ImagePrediction]:
        """Predict images of the model's size, shape (images, size, size), uint8.

        Raises:
            UserError: The model's outputs are not numbers.
        """
        manifest = self.predictor.manifest
        logits = self.predictor.logits(images)
        probabilities = manifest.probability(logits)
        decisions = decide(probabilities, manifest.threshold, manifest.class_names)
        reasons = [""] * len(images) if self._ood is None else self._ood.reasons(images)
        return [
            ImagePrediction(*values)
            for values in zip(logits.tolist(), probabilities.tolist(), decisions, reasons, strict=True)
        ]

    def warm_up(self, max_batch: int = 1) -> None:
        """Predict black images, to check the model and because the first passes are slow.

        Args:
            max_batch: Size of the largest batch to expect; its memory is allocated now.
        """
        size = self.predictor.manifest.image_size
        for count in (max_batch, 1):
            self(np.zeros((count, size, size), np.uint8))
