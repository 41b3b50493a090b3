"""Image files through a model of any kind: a predictions table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xray.data.decode.batch import decode_images
from xray.data.index.patients import compile_pattern, patient_of
from xray.evaluation.predictions import Predictions
from xray.predictor.base import Predictor
from xray.predictor.decision_model import DecisionModel, ImagePrediction

CHUNK = 1024
"""Images decoded at a time, so that memory does not grow with their number."""


def predict_images(
    paths: Sequence[Path], predictor: Predictor, reject_ood: bool = True
) -> tuple[Predictions, dict[Path, str], dict[Path, str]]:
    """Predict image files.

    Args:
        paths: The files.
        predictor: The model.
        reject_ood: Whether pictures that do not look like the training images get no row.

    Returns:
        One row for each file that can be read and is not rejected, in the order of `paths`, without labels; and the
        reasons of those that cannot be read, and of those that are rejected.

    Raises:
        UserError: The model gives no numbers.
    """
    manifest = predictor.manifest
    decision_model = DecisionModel(predictor, reject_ood)
    unreadable: dict[Path, str] = {}
    rejected: dict[Path, str] = {}
    predicted: dict[Path, ImagePrediction] = {}
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        images, bad = decode_images(chunk, manifest.image_size, manifest.resize)
        unreadable |= {chunk[i]: reason for i, reason in bad.items()}
        predictions = decision_model(images) if len(images) else []
        for path, prediction in zip((path for i, path in enumerate(chunk) if i not in bad), predictions, strict=True):
            if prediction.rejection:
                rejected[path] = prediction.rejection
            else:
                predicted[path] = prediction
    pattern = compile_pattern(manifest.patient_pattern)
    named = [patient_of(_below_class(path, manifest.class_names), pattern) for path in predicted]
    table = Predictions(
        path=[str(path) for path in predicted],
        patient=[found.patient if found else str(path) for found, path in zip(named, predicted, strict=True)],
        label=[""] * len(predicted),
        logit=np.array([prediction.logit for prediction in predicted.values()]),
        probability=np.array([prediction.probability for prediction in predicted.values()]),
        decision=[prediction.decision for prediction in predicted.values()],
    )
    return table, unreadable, rejected


def _below_class(path: Path, class_names: Sequence[str]) -> str:
    """The part of a path that patient patterns are searched in: below the class folder, or else the file's name."""
    parts = path.parts
    below = [i + 1 for i, part in enumerate(parts[:-1]) if part in class_names]
    return "/".join(parts[below[-1] :] if below else parts[-1:])
