"""Predict image files with any predictor."""

from collections.abc import Sequence
from pathlib import Path

from xray.data.decode.batch import decode_images
from xray.data.index.patients import compile_pattern, patient_of
from xray.evaluation.predictions import ImageOutcome
from xray.predictor.base import Predictor
from xray.predictor.decision_model import DecisionModel

CHUNK = 1024
"""Images decoded at a time, so that memory does not grow with their number."""


def predict_images(paths: Sequence[Path], predictor: Predictor, reject_ood: bool = True) -> list[ImageOutcome]:
    """Predict image files.

    Args:
        paths: The files.
        predictor: The model.
        reject_ood: Whether out-of-distribution images are rejected instead of predicted.

    Returns:
        The outcome of each file, in the order of `paths`.

    Raises:
        UserError: The model's outputs are not numbers.
    """
    manifest = predictor.manifest
    decision_model = DecisionModel(predictor, reject_ood)
    pattern = compile_pattern(manifest.patient_pattern)
    outcomes: list[ImageOutcome] = []
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        images, unreadable = decode_images(chunk, manifest.image_size, manifest.resize)
        predictions = iter(decision_model(images) if len(images) else [])
        for i, path in enumerate(chunk):
            name = patient_of(_below_class(path, manifest.class_names), pattern)
            patient = name.patient if name else str(path)
            if i in unreadable:
                outcomes.append(ImageOutcome(str(path), patient, "unreadable", unreadable[i]))
                continue
            prediction = next(predictions)
            if prediction.reject_reason:
                outcomes.append(ImageOutcome(str(path), patient, "rejected", prediction.reject_reason))
            else:
                values = prediction.logit, prediction.probability, prediction.decision
                outcomes.append(ImageOutcome(str(path), patient, "predicted", "", *values))
    return outcomes


def _below_class(path: Path, class_names: Sequence[str]) -> str:
    """Return the part of a path that patient patterns match: below the class folder, or the file name."""
    parts = path.parts
    below = [i + 1 for i, part in enumerate(parts[:-1]) if part in class_names]
    return "/".join(parts[below[-1] :] if below else parts[-1:])
