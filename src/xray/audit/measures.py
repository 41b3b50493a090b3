"""Measure how well properties other than lungs separate the classes."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xray.audit.scan import FolderScan
from xray.data.intensity import STATISTICS
from xray.evaluation.ranking import auroc
from xray.evaluation.shortcuts import cross_validated_scores, fit_baseline, shape_features

MIN_IMAGES: Final = 20
"""Minimum images per class for an AUROC."""


def measure_shortcuts(scan: FolderScan) -> dict[str, Any]:
    """Return the measurements for the shortcut checks, as plain values.

    Returns:
        - "by_class": medians of file properties and counts of modes and formats, by class;
        - "single": AUROC of each property and statistic alone;
        - "baseline": AUROC of each baseline, cross-validated by patient, and if test has images, fitted on the rest and
          scored there;
        - "test_from_rest": AUROC for separating test from the rest by the statistics, by class.

        AUROCs are None if there are too few images. All but the last use only images outside test.
    """
    names, shape = shape_features(scan.headers)
    features = {
        "statistics": scan.statistics,
        "shape": shape,
        "statistics_and_shape": np.hstack([scan.statistics, shape]),
    }
    size = np.array([[header.bytes] for header in scan.headers], dtype=np.float64).reshape(-1, 1)
    pool, labels = scan.in_pool, scan.labels
    single = dict(
        zip(
            (*names, "bytes", *STATISTICS),
            [_auroc(labels[pool], column[pool]) for column in np.hstack([shape, size, scan.statistics]).T],
            strict=True,
        )
    )
    return {
        "by_class": _by_class(scan),
        "single": single,
        "baseline": {name: _baseline(scan, columns) for name, columns in features.items()},
        "test_from_rest": _test_from_rest(scan),
    }


def _by_class(scan: FolderScan) -> dict[str, Any]:
    table = {}
    for label, name in enumerate(scan.folder.class_names):
        rows = np.flatnonzero(scan.in_pool & (scan.labels == label))
        headers = [scan.headers[i] for i in rows]
        columns: dict[str, list[float]] = {
            "width": [header.width for header in headers],
            "height": [header.height for header in headers],
            "aspect": [header.aspect for header in headers],
            "bytes": [header.bytes for header in headers],
        }
        table[name] = {
            "images": len(headers),
            **{key: float(np.median(values)) if headers else None for key, values in columns.items()},
            "modes": _counts([header.mode for header in headers]),
            "formats": _counts([header.format for header in headers]),
            "statistics": dict(zip(STATISTICS, np.median(scan.statistics[rows], axis=0).tolist(), strict=True))
            if headers
            else None,
        }
    return table


def _counts(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _auroc(labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64]) -> float | None:
    """Return the AUROC; None if a class has too few images or a score is NaN."""
    if min(np.count_nonzero(labels == label) for label in (0, 1)) < MIN_IMAGES:
        return None
    value = auroc(labels, scores)
    return None if np.isnan(value) else value


def _baseline(scan: FolderScan, features: npt.NDArray[np.float64]) -> dict[str, float | None]:
    pool, labels = scan.in_pool, scan.labels
    groups = [group for group, kept in zip(scan.groups, pool, strict=True) if kept]
    within = _cross_validated(features[pool], labels[pool], groups)
    on_test = None
    if within is not None and not pool.all():
        baseline = fit_baseline([""] * features.shape[1], features[pool], labels[pool])
        on_test = _auroc(labels[~pool], baseline.score(features[~pool]))
    return {"cross_validated": within, "on_test": on_test}


def _cross_validated(
    features: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], groups: list[str]
) -> float | None:
    if min(np.count_nonzero(labels == label) for label in (0, 1)) < MIN_IMAGES:
        return None
    return _auroc(labels, cross_validated_scores(features, labels, groups))


def _test_from_rest(scan: FolderScan) -> dict[str, float | None]:
    """Return how well test images separate from the others of their class; about 0.5 if they are similar."""
    test = np.array([image.folder == "test" for image in scan.images], dtype=np.int64)
    areas: dict[str, float | None] = {}
    for label, name in enumerate(scan.folder.class_names):
        rows = np.flatnonzero(scan.labels == label)
        groups = [scan.groups[i] for i in rows]
        areas[name] = _cross_validated(scan.statistics[rows], test[rows], groups)
    return areas
