"""Shortcut floors of a run: fitted on its training films when they are at hand, scored wherever it is tested."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xray.data.facts import FilmFacts, read_facts
from xray.data.statistics import STATISTICS, grey_statistics
from xray.errors import UserError
from xray.evaluation.floor import LogisticFloor, fit_floor, shape_features
from xray.evaluation.ranking import Scores

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule

Features = npt.NDArray[np.float64]


def fit_floors(data: "ChestXRayDataModule") -> dict[str, Any]:
    """Fit every floor on the training films.

    Args:
        data: Set up for fit.

    Returns:
        By the keys of `xray.evaluation.shortcuts.FLOORS`, as plain values for a checkpoint.
    """
    labels = np.array([film.label for film in data.films["train"]], dtype=np.int64)
    return {
        name: fit_floor(names, features, labels).as_dict()
        for name, (names, features) in _features(data, "train", facts_of(data.files("train"))).items()
    }


def score_floors(
    floors: Mapping[str, Any], data: "ChestXRayDataModule", split: str, facts: Sequence[FilmFacts]
) -> dict[str, Scores]:
    """Log-odds of the films of a split by every floor.

    Args:
        floors: What `fit_floors` gave.
        data: Set up for the split.
        split: Which films.
        facts: What their files are.
    """
    if not floors:
        return {}
    features = _features(data, split, facts)
    return {name: LogisticFloor.from_dict(floor).score(features[name][1]) for name, floor in floors.items()}


def facts_of(paths: Sequence[str]) -> list[FilmFacts]:
    """What files of films are.

    Raises:
        UserError: One cannot be read any more.
    """
    facts = []
    for path, found in zip(paths, read_facts(paths), strict=True):
        if isinstance(found, str):
            raise UserError(f"{path} cannot be read any more ({found}): bring it back, or begin anew without it.")
        facts.append(found)
    return facts


def _features(
    data: "ChestXRayDataModule", split: str, facts: Sequence[FilmFacts]
) -> dict[str, tuple[tuple[str, ...], Features]]:
    statistics = np.concatenate([grey_statistics(films) for films in data.grey_chunks(split)])
    shape_names, shapes = shape_features(facts)
    return {
        "statistics": (STATISTICS, statistics),
        "shape": (tuple(shape_names), shapes),
        "statistics_and_shape": ((*STATISTICS, *shape_names), np.hstack([statistics, shapes])),
    }
