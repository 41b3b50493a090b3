"""Fit shortcut baselines on the training images of a run, and score images with them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xray.data.decode.header import ImageHeader
from xray.data.intensity import STATISTICS, grey_statistics
from xray.evaluation.arrays import Features, Scores
from xray.evaluation.baselines import LogisticBaseline, fit_baseline

if TYPE_CHECKING:
    from xray.data.image_data import ImageData

SHAPE_FEATURES: Final = ("log_width", "log_height", "log_aspect", "in_colour")


def fit_baselines(data: "ImageData") -> dict[str, Any]:
    """Fit every baseline on the training images.

    Args:
        data: Set up for fit.

    Returns:
        Plain values for a checkpoint, by the keys of `xray.evaluation.shortcuts.BASELINES`.
    """
    labels = np.array([image.label for image in data.images["train"]], dtype=np.int64)
    return {
        name: fit_baseline(names, features, labels).as_dict()
        for name, (names, features) in _features_of(data, "train", data.headers("train")).items()
    }


def score_baselines(
    baselines: Mapping[str, Any], data: "ImageData", split: str, headers: Sequence[ImageHeader]
) -> dict[str, Scores]:
    """Return the log-odds of the images of a split by every baseline.

    Args:
        baselines: The result of `fit_baselines`.
        data: Set up for the split.
        split: Name of the split.
        headers: Headers of its files.
    """
    if not baselines:
        return {}
    features = _features_of(data, split, headers)
    return {name: LogisticBaseline.from_dict(baseline).score(features[name][1]) for name, baseline in baselines.items()}


def baseline_features(
    statistics: Features, headers: Sequence[ImageHeader]
) -> dict[str, tuple[tuple[str, ...], Features]]:
    """Return names and values of the features of each baseline.

    Args:
        statistics: Intensity statistics of each image, see `xray.data.intensity`.
        headers: Header of each image file.
    """
    shape_names, shapes = shape_features(headers)
    return {
        "statistics": (STATISTICS, statistics),
        "shape": (shape_names, shapes),
        "statistics_and_shape": ((*STATISTICS, *shape_names), np.hstack([statistics, shapes])),
    }


def shape_features(headers: Sequence[ImageHeader]) -> tuple[tuple[str, ...], Features]:
    """Return the features of the shape baseline, from image headers only.

    Returns:
        Names, and features of shape (images, 4): natural logarithms of width, height and aspect ratio, and whether the
        file is stored in colour, 0 or 1.
    """
    rows = [
        (np.log(image.width), np.log(image.height), np.log(image.aspect), float(image.in_colour)) for image in headers
    ]
    return SHAPE_FEATURES, np.array(rows, dtype=np.float64).reshape(-1, len(SHAPE_FEATURES))


def _features_of(
    data: "ImageData", split: str, headers: Sequence[ImageHeader]
) -> dict[str, tuple[tuple[str, ...], Features]]:
    return baseline_features(np.concatenate([grey_statistics(images) for images in data.grey_chunks(split)]), headers)
