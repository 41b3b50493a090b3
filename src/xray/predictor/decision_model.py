"""From images to predictions: a probability, or a rejection."""

from dataclasses import dataclass

import numpy as np

from xray.data.arrays import Images
from xray.evaluation.predictions import decide
from xray.ood.detector import OODDetector
from xray.predictor.base import Predictor


@dataclass(frozen=True)
class ImagePrediction:
    """What is said of one image.

    Args:
        logit: Raw output of the network.
        probability: Calibrated probability of the positive class.
        decision: Name of the class.
        rejection: Why the image gets no probability; empty where it gets one.
    """

    logit: float
    probability: float
    decision: str
    rejection: str


class DecisionModel:
    """Asks the model, and first whether the picture looks like the images that it was trained on.

    Args:
        predictor: The model. Where its manifest has no OOD detector nothing is rejected.
        reject_ood: Whether pictures that do not look like the training images are rejected.
    """

    def __init__(self, predictor: Predictor, reject_ood: bool = True) -> None:
        self.predictor = predictor
        known = predictor.manifest.ood if reject_ood else None
        self._ood = None if known is None else OODDetector.from_dict(known)

    @property
    def rejects(self) -> bool:
        """Whether pictures that do not look like chest X-rays are rejected."""
        return self._ood is not None

    def __call__(self, images: Images) -> list[ImagePrediction]:
        """Judge images of the model's size, shape (images, size, size).

        Raises:
            UserError: The model gives no numbers.
        """
        manifest = self.predictor.manifest
        logits = self.predictor.logits(images)
        probabilities = manifest.probability(logits)
        decisions = decide(probabilities, manifest.threshold, manifest.class_names)
        reasons = [""] * len(images) if self._ood is None else self._ood.reasons(images)
        return [
            ImagePrediction(*of_one)
            for of_one in zip(logits.tolist(), probabilities.tolist(), decisions, reasons, strict=True)
        ]

    def try_out(self, most: int = 1) -> None:
        """Judge so many black images, and one, which shows that the model answers and takes its first, slow passes.

        Args:
            most: Images in the largest batch that will come: the memory that it needs is taken now.
        """
        size = self.predictor.manifest.image_size
        for images in (most, 1):
            self(np.zeros((images, size, size), np.uint8))
