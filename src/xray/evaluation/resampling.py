"""Confidence intervals by a bootstrap over patients, because images of one patient are not independent."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, ResampleValues, Weights

RESAMPLES = 2000
LEVEL = 0.95
CHUNK_BYTES = 2**21
"""Bytes of weights computed at a time, so that memory does not grow with the number of images."""
MAX_UNDEFINED = 0.05
"""A metric that is undefined in a larger share of the resamples has no interval."""


@dataclass(frozen=True)
class Estimate:
    """A metric with its interval; None where not defined, with the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    def text(self, digits: int) -> str:
        """Return the value with its interval, which must be defined: `0.91 (0.85 to 0.95)`."""
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without `reason` if there is none."""
        return {key: value for key, value in asdict(self).items() if key != "reason" or value is not None}


@dataclass(frozen=True)
class Patients:
    """The patient of each image, and the strata of patients that are resampled separately.

    Args:
        number: Index of each image's patient, shape (images,).
        strata: Indices of the patients with images of only the first class, of only the second, and of both.
        per_class: Number of patients with images of the first and of the second class.
    """

    number: Labels
    strata: Sequence[Labels]
    per_class: tuple[int, int]

    @classmethod
    def of(cls, patients: Sequence[str], labels: Labels) -> "Patients":
        """Group images by patient, and patients by the classes of their images."""
        names, number = np.unique(np.array(patients, dtype=str), return_inverse=True)
        has = [np.bincount(number[labels == label], minlength=len(names)) > 0 for label in (0, 1)]
        strata = [np.flatnonzero(members) for members in (has[0] & ~has[1], has[1] & ~has[0], has[0] & has[1])]
        return cls(number, [stratum for stratum in strata if len(stratum)], (int(has[0].sum()), int(has[1].sum())))

    def resample(self, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Weights]:
        """Draw patients with replacement, with all their images, keeping the number of patients of each stratum.

        A stratified cluster bootstrap (Davison and Hinkley, Bootstrap Methods, 1997, chapter 3.8; Rutter, Academic
        Radiology 7 (2000) 413). Yields weights in chunks of rows. The same seed draws the same patients, so that models
        are compared on the same resamples.
        """
        # One random stream per stratum, so that the draws do not depend on the chunk size.
        streams = np.random.default_rng(seed).spawn(len(self.strata))
        patients = 1 + int(self.number.max(initial=-1))
        chunk = max(1, CHUNK_BYTES // (8 * max(1, len(self.number))))
        for start in range(0, resamples, chunk):
            rows = min(chunk, resamples - start)
            counts = np.zeros((rows, patients))
            for stratum, random in zip(self.strata, streams, strict=True):
                drawn = random.integers(len(stratum), size=(rows, len(stratum)))
                cells = drawn + len(stratum) * np.arange(rows)[:, None]
                counts[:, stratum] = np.bincount(cells.ravel(), minlength=rows * len(stratum)).reshape(rows, -1)
            yield counts[:, self.number]


def bootstrap(
    patients: Patients, metrics: Callable[[Weights], Mapping[str, ResampleValues]], resamples: int = RESAMPLES
) -> dict[str, ResampleValues]:
    """Compute the metrics of all resamples by name, each of shape (resamples,)."""
    parts: dict[str, list[ResampleValues]] = defaultdict(list)
    for weights in patients.resample(resamples):
        for name, values in metrics(weights).items():
            parts[name].append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def estimate(value: float, resampled: ResampleValues, patients: Patients, trials: int | None = None) -> Estimate:
    """Return a metric with its 95% percentile interval over resamples (Efron).

    If a share is 0 or 1, all resamples agree and the interval would have zero width. Then the exact interval of Clopper
    and Pearson (Biometrika 26 (1934) 404) is used, for 0 or all of `trials` patients.

    Args:
        value: The metric of the whole table; NaN or infinite if not defined.
        resampled: The metric of each resample, shape (resamples,).
        patients: The patient of each image.
        trials: For a share, the number of patients it is based on.
    """
    if not np.isfinite(value):
        return Estimate(None, reason="not defined for these images")
    if min(count for count in patients.per_class if count) < 2:
        return Estimate(value, reason="a class has only one patient")
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < (1 - MAX_UNDEFINED) * len(resampled):
        return Estimate(value, reason="undefined in too many resamples")
    agree = bool(np.isfinite(defined).all() and np.ptp(defined) < 1e-12)
    if agree and trials and value in {0.0, 1.0}:
        tail = ((1 - LEVEL) / 2) ** (1 / trials)
        return Estimate(value, tail, 1.0) if value else Estimate(value, 0.0, 1 - tail)
    if agree:
        return Estimate(value, reason="all resamples agree: too few errors or patients for an interval")
    # Cut (resamples + 1) * 2.5% on each side (Davison and Hinkley, chapter 2.3), without interpolation, which between a
    # finite and an infinite likelihood ratio would give NaN.
    ordered, outside = np.sort(defined), max(1, int((len(defined) + 1) * (1 - LEVEL) / 2))
    low, high = ordered[outside - 1], ordered[-outside]
    if np.isinf(high):
        return Estimate(value, float(low), None, "no upper bound: infinite in some resamples")
    return Estimate(value, float(low), float(high))


def estimates(
    patients: Patients,
    metrics: Callable[[Weights], Mapping[str, ResampleValues]],
    resamples: int = RESAMPLES,
    trials: Mapping[str, int] | None = None,
) -> dict[str, Estimate]:
    """Return the metrics of a table with their intervals.

    Args:
        patients: The patient of each image.
        metrics: Returns metrics by name, each of shape (resamples,), for weights of shape (resamples, images).
        resamples: Number of resamples.
        trials: For metrics that are shares, the number of patients each is based on, see `estimate`; by default the
            patients of the class for sensitivity and specificity.
    """
    if trials is None:
        trials = {"sensitivity": patients.per_class[1], "specificity": patients.per_class[0]}
    whole = metrics(np.ones((1, len(patients.number))))
    resampled = bootstrap(patients, metrics, resamples)
    return {
        name: estimate(float(values[0]), resampled[name], patients, trials.get(name)) for name, values in whole.items()
    }
