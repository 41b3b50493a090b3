"""Image files through a model of any kind: a predictions table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xray.data.decode import decode_films
from xray.data.patients import compile_pattern, patient_of
from xray.evaluation.predictions import Predictions
from xray.predictor.base import Predictor
from xray.predictor.judge import Judge, Verdict

CHUNK = 1024
"""Films decoded at a time, so that memory does not grow with their number."""


def predict_films(
    paths: Sequence[Path], predictor: Predictor, refuse_unfamiliar: bool = True
) -> tuple[Predictions, dict[Path, str], dict[Path, str]]:
    """Predict image files.

    Args:
        paths: The files.
        predictor: The model.
        refuse_unfamiliar: Whether pictures that do not look like the training films get no row.

    Returns:
        One row for each file that can be read and is not refused, in the order of `paths`, without labels; and the
        reasons of those that cannot be read, and of those that are refused.

    Raises:
        UserError: The model gives no numbers.
    """
    manifest = predictor.manifest
    judge = Judge(predictor, refuse_unfamiliar)
    unreadable: dict[Path, str] = {}
    refused: dict[Path, str] = {}
    predicted: dict[Path, Verdict] = {}
    for start in range(0, len(paths), CHUNK):
        chunk = paths[start : start + CHUNK]
        films, bad = decode_films(chunk, manifest.image_size, manifest.resize)
        unreadable |= {chunk[i]: reason for i, reason in bad.items()}
        verdicts = judge(films) if len(films) else []
        for path, verdict in zip((path for i, path in enumerate(chunk) if i not in bad), verdicts, strict=True):
            if verdict.refusal:
                refused[path] = verdict.refusal
            else:
                predicted[path] = verdict
    pattern = compile_pattern(manifest.patient_pattern)
    named = [patient_of(_below_class(path, manifest.class_names), pattern) for path in predicted]
    table = Predictions(
        path=[str(path) for path in predicted],
        patient=[found.patient if found else str(path) for found, path in zip(named, predicted, strict=True)],
        label=[""] * len(predicted),
        logit=np.array([verdict.logit for verdict in predicted.values()]),
        probability=np.array([verdict.probability for verdict in predicted.values()]),
        decision=[verdict.decision for verdict in predicted.values()],
    )
    return table, unreadable, refused


def _below_class(path: Path, class_names: Sequence[str]) -> str:
    """The part of a path that patient patterns are searched in: below the class folder, or else the file's name."""
    parts = path.parts
    below = [i + 1 for i, part in enumerate(parts[:-1]) if part in class_names]
    return "/".join(parts[below[-1] :] if below else parts[-1:])
