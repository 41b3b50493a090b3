"""Compute logits of decoded images with a torch model, as training, testing and predicting do."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from xray.evaluation.arrays import Scores
from xray.models.base import ImageClassifier

BATCH = 32
"""Default batch size."""


def best_device() -> str:
    """Return "cuda" if there is a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def logits_of(model: ImageClassifier, chunks: Iterable[npt.NDArray[np.uint8]], batch_size: int = BATCH) -> Scores:
    """Return the logits of decoded images.

    Args:
        model: A model in evaluation mode.
        chunks: Images of shape (any, size, size), uint8.
        batch_size: Images in a batch.

    Returns:
        Shape (images,), float64, in the order of the images.
    """
    logits: list[float] = []
    with torch.inference_mode():
        for images in chunks:
            for batch in torch.split(torch.tensor(images).unsqueeze(1), batch_size):
                logits += model(batch.to(model.device)).tolist()
    return np.array(logits, dtype=np.float64)
