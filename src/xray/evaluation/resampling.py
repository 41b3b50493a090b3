"""Intervals by a bootstrap over patients: images of one patient are no independent evidence; functions on arrays."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xray.evaluation.ranking import Labels, Values, Weights

RESAMPLES = 2000
LEVEL = 0.95
CHUNK_BYTES = 2**21
"""Weights made at a time, so that memory does not grow with the number of images."""
MOST_UNDEFINED = 0.05
"""A figure that more of the resamples leave undefined has no interval."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; None where one is not defined, with the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without a reason where there is none."""
        return {key: value for key, value in asdict(self).items() if key != "reason" or value is not None}


@dataclass(frozen=True)
class Patients:
    """Whose each image is, and which patients may stand for one another.

    Args:
        number: Number of each image's patient, shape (images,).
        strata: Numbers of the patients with images of only one class, of only the other, and of both.
        of_class: How many patients have images of the first, and of the second class.
    """

    number: Labels
    strata: Sequence[Labels]
    of_class: tuple[int, int]

    @classmethod
    def of(cls, patients: Sequence[str], labels: Labels) -> "Patients":
        """Group images by patient, and patients by the classes that their images have."""
        names, number = np.unique(np.array(patients, dtype=object).astype(str), return_inverse=True)
        has = [np.bincount(number[labels == label], minlength=len(names)) > 0 for label in (0, 1)]
        strata = [np.flatnonzero(which) for which in (has[0] & ~has[1], has[1] & ~has[0], has[0] & has[1])]
        return cls(number, [stratum for stratum in strata if len(stratum)], (int(has[0].sum()), int(has[1].sum())))

    def resample(self, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[Weights]:
        """Draw patients with replacement, all images of each, as many patients of each stratum as there are.

        A stratified bootstrap of clusters (Davison and Hinkley, Bootstrap Methods, 1997, chapter 3.8; Rutter, Academic
        Radiology 7 (2000) 413).

        Args:
            resamples: How many.
            seed: The same seed draws the same patients, so that models are compared on the same resamples.

        Yields:
            How often each image counts, shape (some resamples, images), until there were `resamples` of them.
        """
        # One stream of numbers for each stratum, so that the draws do not depend on how many are made at a time.
        streams = np.random.default_rng(seed).spawn(len(self.strata))
        patients = 1 + int(self.number.max(initial=-1))
        at_once = max(1, CHUNK_BYTES // (8 * max(1, len(self.number))))
        for start in range(0, resamples, at_once):
            rows = min(at_once, resamples - start)
            counts = np.zeros((rows, patients))
            for stratum, random in zip(self.strata, streams, strict=True):
                drawn = random.integers(len(stratum), size=(rows, len(stratum)))
                places = drawn + len(stratum) * np.arange(rows)[:, None]
                counts[:, stratum] = np.bincount(places.ravel(), minlength=rows * len(stratum)).reshape(rows, -1)
            yield counts[:, self.number]


def bootstrap(
    patients: Patients, figures: Callable[[Weights], Mapping[str, Values]], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Values]:
    """Figures of all resamples, by name; each of shape (resamples,)."""
    parts: dict[str, list[Values]] = defaultdict(list)
    for weights in patients.resample(resamples, seed):
        for name, values in figures(weights).items():
            parts[name].append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def estimate(value: float, resampled: Values, patients: Patients, trials: int | None = None) -> Estimate:
    """A figure of the whole table, with the middle 95% of its resamples (Efron's percentile interval).

    Where a share is 0 or 1 all resamples agree and would give an interval of no width; it is then the exact one of
    Clopper and Pearson (Biometrika 26 (1934) 404) for so many patients, of whom all went one way.

    Args:
        value: The figure; NaN or infinite where it is not defined.
        resampled: The same figure of each resample.
        patients: Whose images they are.
        trials: For a share, the number of patients behind it.
    """
    if not np.isfinite(value):
        return Estimate(None, reason="not defined for these images")
    if min(count for count in patients.of_class if count) < 2:
        return Estimate(value, reason="a class has one patient only, which tells nothing of others")
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < (1 - MOST_UNDEFINED) * len(resampled):
        return Estimate(value, reason="too many resamples leave it undefined")
    agree = bool(np.isfinite(defined).all() and np.ptp(defined) < 1e-12)
    if agree and trials and value in {0.0, 1.0}:
        tail = ((1 - LEVEL) / 2) ** (1 / trials)
        return Estimate(value, tail, 1.0) if value else Estimate(value, 0.0, 1 - tail)
    if agree:
        return Estimate(value, reason="all resamples agree: these images hold too few errors, or patients, to tell")
    # The same number on each side, (resamples + 1) 2.5% (Davison and Hinkley, chapter 2.3), and without interpolation,
    # which would make no number of an infinite likelihood ratio beside a finite one.
    ordered, outside = np.sort(defined), max(1, int((len(defined) + 1) * (1 - LEVEL) / 2))
    low, high = ordered[outside - 1], ordered[-outside]
    if np.isinf(high):
        return Estimate(value, float(low), None, "no upper bound: in some resamples it is infinite")
    return Estimate(value, float(low), float(high))


def estimates(
    patients: Patients,
    figures: Callable[[Weights], Mapping[str, Values]],
    resamples: int = RESAMPLES,
    seed: int = 0,
    trials: Mapping[str, int] | None = None,
) -> dict[str, Estimate]:
    """Figures of a table with their intervals.

    Args:
        patients: Whose images they are.
        figures: Gives figures by name, each of shape (resamples,), from weights of shape (resamples, images).
        resamples: How many resamples.
        seed: Of the resampling.
        trials: For figures that are shares the number of patients behind each, see `estimate`; by default for
            sensitivity and specificity the patients of their class.
    """
    if trials is None:
        trials = {"sensitivity": patients.of_class[1], "specificity": patients.of_class[0]}
    whole = figures(np.ones((1, len(patients.number))))
    resampled = bootstrap(patients, figures, resamples, seed)
    return {
        name: estimate(float(values[0]), resampled[name], patients, trials.get(name)) for name, values in whole.items()
    }
