"""Measure how well whole-image statistics and file properties separate the classes."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xray.audit.scan import FolderScan
from xray.data.intensity import STATISTICS
from xray.evaluation.arrays import Features, Labels, Scores
from xray.evaluation.baselines import cross_validated_scores, fit_baseline
from xray.evaluation.ranking import auroc
from xray.scoring.baselines import baseline_features

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
    features = baseline_features(scan.statistics, scan.headers)
    names, columns = features["statistics_and_shape"]
    single = dict(zip(names, columns.T, strict=True))
    single["bytes"] = np.array([header.bytes for header in scan.headers], dtype=np.float64)
    pool, labels = scan.in_pool, scan.labels
    return {
        "by_class": {name: _medians(scan, label) for label, name in enumerate(scan.folder.class_names)},
        "single": {name: _auroc(labels[pool], values[pool]) for name, values in single.items()},
        "baseline": {name: _baseline(scan, values) for name, (_, values) in features.items()},
        # About 0.5 if test images are like the others of their class.
        "test_from_rest": {
            name: _cross_validated(scan, scan.statistics, scan.in_test.astype(np.int64), labels == label)
            for label, name in enumerate(scan.folder.class_names)
        },
    }


def _medians(scan: FolderScan, label: int) -> dict[str, Any]:
    rows = np.flatnonzero(scan.in_pool & (scan.labels == label))
    headers = [scan.headers[i] for i in rows]

    def median(key: str) -> float | None:
        return float(np.median([getattr(header, key) for header in headers])) if headers else None

    return {
        "images": len(headers),
        **{key: median(key) for key in ("width", "height", "aspect", "bytes")},
        "modes": _counts(header.mode for header in headers),
        "formats": _counts(header.format for header in headers),
        "statistics": dict(zip(STATISTICS, np.median(scan.statistics[rows], axis=0).tolist(), strict=True))
        if headers
        else None,
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _auroc(labels: Labels, scores: Scores) -> float | None:
    """Return the AUROC; None if a class has too few images or a score is NaN."""
    if np.bincount(labels, minlength=2).min() < MIN_IMAGES:
        return None
    value = auroc(labels, scores)
    return None if np.isnan(value) else value


def _baseline(scan: FolderScan, features: Features) -> dict[str, float | None]:
    pool, labels = scan.in_pool, scan.labels
    within = _cross_validated(scan, features, labels, pool)
    on_test = None
    if within is not None and not pool.all():
        baseline = fit_baseline([""] * features.shape[1], features[pool], labels[pool])
        on_test = _auroc(labels[~pool], baseline.score(features[~pool]))
    return {"cross_validated": within, "on_test": on_test}


def _cross_validated(scan: FolderScan, features: Features, labels: Labels, rows: npt.NDArray[np.bool_]) -> float | None:
    """Return the AUROC of a logistic regression on some rows, cross-validated by patient."""
    groups = [image.group for image, kept in zip(scan.images, rows, strict=True) if kept]
    return _auroc(labels[rows], cross_validated_scores(features[rows], labels[rows], groups))
