"""Shortcut baselines of a run: fitted on its training images when they are at hand, scored wherever it is tested."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xray.data.decode.header import ImageHeader, read_headers
from xray.data.intensity import STATISTICS, grey_statistics
from xray.evaluation.ranking import Features, Scores
from xray.evaluation.shortcuts import LogisticBaseline, fit_baseline, shape_features
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule


def fit_baselines(data: "ChestXRayDataModule") -> dict[str, Any]:
    """Fit every baseline on the training images.

    Args:
        data: Set up for fit.

    Returns:
        By the keys of `xray.evaluation.shortcuts.BASELINES`, as plain values for a checkpoint.
    """
    labels = np.array([image.label for image in data.images["train"]], dtype=np.int64)
    return {
        name: fit_baseline(names, features, labels).as_dict()
        for name, (names, features) in _features(data, "train", facts_of(data.files("train"))).items()
    }


def score_baselines(
    baselines: Mapping[str, Any], data: "ChestXRayDataModule", split: str, facts: Sequence[ImageHeader]
) -> dict[str, Scores]:
    """Log-odds of the images of a split by every baseline.

    Args:
        baselines: What `fit_baselines` gave.
        data: Set up for the split.
        split: Which images.
        facts: What their files are.
    """
    if not baselines:
        return {}
    features = _features(data, split, facts)
    return {name: LogisticBaseline.from_dict(baseline).score(features[name][1]) for name, baseline in baselines.items()}


def facts_of(paths: Sequence[str]) -> list[ImageHeader]:
    """What files of images are.

    Raises:
        UserError: One cannot be read any more.
    """
    facts = []
    for path, found in zip(paths, read_headers(paths), strict=True):
        if isinstance(found, str):
            raise UserError(f"{path} cannot be read any more ({found}): bring it back, or begin anew without it.")
        facts.append(found)
    return facts


def _features(
    data: "ChestXRayDataModule", split: str, facts: Sequence[ImageHeader]
) -> dict[str, tuple[tuple[str, ...], Features]]:
    statistics = np.concatenate([grey_statistics(images) for images in data.grey_chunks(split)])
    shape_names, shapes = shape_features(facts)
    return {
        "statistics": (STATISTICS, statistics),
        "shape": (tuple(shape_names), shapes),
        "statistics_and_shape": ((*STATISTICS, *shape_names), np.hstack([statistics, shapes])),
    }
