"""Films through a trained model: the path that predicting shares with training and testing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from xray.data.decode import decode_films
from xray.data.patients import compile_pattern, patient_of
from xray.evaluation.predictions import Predictions, decide
from xray.evaluation.ranking import Scores
from xray.models.base import FilmClassifier

CHUNK = 1024
"""Films decoded at a time, so that memory does not grow with their number."""
BATCH = 32
"""Films through the network at a time, where no config says otherwise."""


def best_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def logits_of(model: FilmClassifier, chunks: Iterable[npt.NDArray[np.uint8]], batch_size: int = BATCH) -> Scores:
    """Logits of decoded films.

    Args:
        model: A model in evaluation mode.
        chunks: Films of shape (any, size, size), uint8.
        batch_size: Films at a time.

    Returns:
        Shape (films,), float64, in the order of the films.
    """
    logits: list[float] = []
    with torch.inference_mode():
        for films in chunks:
            for batch in torch.split(torch.from_numpy(films).unsqueeze(1), batch_size):
                logits += model(batch.to(model.device)).tolist()
    return np.array(logits, dtype=np.float64)


def predict_films(
    paths: Sequence[Path], model: FilmClassifier, data: Mapping[str, Any]
) -> tuple[Predictions, dict[Path, str]]:
    """Predict image files.

    Args:
        paths: The files.
        model: A model in evaluation mode.
        data: The data section of the config that the model was trained with.

    Returns:
        One row for each file that can be read, in the order of `paths`, without labels; and the reason for each that
        cannot.
    """
    unreadable: dict[Path, str] = {}

    def decoded() -> Iterator[npt.NDArray[np.uint8]]:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            films, bad = decode_films(chunk, data["image_size"], data["resize"])
            unreadable.update({chunk[i]: reason for i, reason in bad.items()})
            yield films

    logits = logits_of(model, decoded(), data["batch_size"])
    read = [path for path in paths if path not in unreadable]
    pattern = compile_pattern(data["patient_pattern"])
    named = [patient_of(_below_class(path, data["class_names"]), pattern) for path in read]
    probability = model.probability(torch.from_numpy(logits)).numpy()
    table = Predictions(
        path=[str(path) for path in read],
        patient=[found.patient if found else str(path) for found, path in zip(named, read, strict=True)],
        label=[""] * len(read),
        logit=logits,
        probability=probability,
        decision=decide(probability, float(model.threshold), data["class_names"]),
    )
    return table, unreadable


def _below_class(path: Path, class_names: Sequence[str]) -> str:
    """The part of a path that patient patterns are searched in: below the class folder, or else the file's name."""
    parts = path.parts
    below = [i + 1 for i, part in enumerate(parts[:-1]) if part in class_names]
    return "/".join(parts[below[-1] :] if below else parts[-1:])
