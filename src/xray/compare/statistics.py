"""Paired differences of runs on the same images, with bootstrap intervals and DeLong's test."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import combinations
from string import ascii_uppercase
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.compare.images import SharedImages
from xray.compare.metrics import METRICS, Metric, weighted_metric
from xray.compare.seeds import SeedGroup, Spread, group_by_config, seed_of
from xray.evaluation.arrays import ResampleValues
from xray.evaluation.delong import delong_p_value
from xray.evaluation.resampling import LEVEL, RESAMPLES, Estimate, Patients, bootstrap, estimate

MAX_RUNS_FOR_ALL_PAIRS = 6
"""More runs are compared only with the first: nobody would read all pairs, and some would differ by chance."""

NO_DIFFERENCE = "no difference shown"


def compare_runs(images: SharedImages, metric: Metric, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Compare runs by one metric.

    Returns:
        Plain values for JSON. A metric is a mapping of value, low and high, each None where it is not defined, and the
        reason. Differences are the first run minus the second.
    """
    patients = Patients.of(images.patients, images.labels)
    groups = group_by_config([run.source for run in images.runs])
    resampled = Resampled(images, metric, patients, resamples)
    resampled_auroc = resampled if metric == "auroc" else Resampled(images, "auroc", patients, resamples)
    letters = [letter(i) for i in range(len(images.runs))]
    runs = [
        {
            "letter": letters[i],
            "name": run.name,
            "folder": str(run.folder),
            "run": run.source.get("run"),
            "checkpoint": run.source.get("checkpoint"),
            "set": run.source.get("set"),
            "seed": seed_of(run.source),
            "threshold": run.source.get("threshold"),
            "threshold_fitted": run.source.get("decision") is not None,
            "temperature": run.temperature,
            "trained_with": run.source.get("trained_with"),
            "value": resampled.mean([i]).as_dict(),
            "auroc": resampled_auroc.mean([i]).as_dict(),
        }
        for i, run in enumerate(images.runs)
    ]
    return {
        "metric": metric,
        "title": METRICS[metric].title,
        "higher_is_better": METRICS[metric].higher_is_better,
        "images": len(images.labels),
        "patients": len(set(images.patients)),
        "images_by_class": {name: int((images.labels == i).sum()) for i, name in enumerate(images.class_names)},
        "patients_by_class": dict(zip(images.class_names, patients.per_class, strict=True)),
        "matched_by": images.matched_by,
        "runs": runs,
        "pairs": [_pair_entry(images, resampled, letters, i, j) for i, j in pairs(len(runs))],
        **_seed_summary(resampled, groups, letters),
        "notes": [*images.notes, *_notes_on_repeated_seeds(groups, letters)],
        "method": {
            "level": LEVEL,
            "resamples": resamples,
            "interval": "percentiles of a bootstrap of patients, stratified by class, the same resamples for all runs",
        },
    }


class Resampled:
    """A metric of each run, on all images and on each bootstrap resample of patients."""

    def __init__(self, images: SharedImages, metric: Metric, patients: Patients, resamples: int) -> None:
        compute = {str(i): weighted_metric(metric, images.labels, run) for i, run in enumerate(images.runs)}
        ones = np.ones((1, len(images.labels)))
        by_run = bootstrap(patients, lambda weights: {i: value(weights) for i, value in compute.items()}, resamples)
        self.metric = metric
        self.patients = patients
        self.observed: npt.NDArray[np.float64] = np.array([float(value(ones)[0]) for value in compute.values()])
        """Shape (runs,)."""
        self.resampled: npt.NDArray[np.float64] = np.stack([by_run[i] for i in compute])
        """Shape (runs, resamples)."""

    def mean(self, runs: Sequence[int]) -> Estimate:
        """Return the mean of the metric over the given runs, with its interval."""
        positive, negative = self.patients.per_class[1], self.patients.per_class[0]
        trials = {"sensitivity": positive, "specificity": negative}.get(self.metric)
        value, resampled = self._values(runs)
        return estimate(value, resampled, self.patients, trials)

    def difference(self, first: Sequence[int], second: Sequence[int]) -> Estimate:
        """Return the mean over the first runs minus the mean over the second, on the same resamples."""
        (one, ones), (other, others) = self._values(first), self._values(second)
        result = estimate(one - other, ones - others, self.patients)
        # `estimate` would give "no errors" as the reason, but runs that agree may both be wrong.
        same = result.value is not None and result.low is None and bool((np.abs(ones - others) < 1e-12).all())
        return replace(result, reason="no resample differs") if same else result

    def _values(self, runs: Sequence[int]) -> tuple[float, ResampleValues]:
        chosen = list(runs)
        return float(self.observed[chosen].mean()), self.resampled[chosen].mean(axis=0)


def letter(position: int) -> str:
    """Return the short name of a run: A to Z, then A1 and so on."""
    return ascii_uppercase[position % 26] + (str(position // 26) if position >= 26 else "")


def pairs(count: int) -> list[tuple[int, int]]:
    """Return all pairs of up to `MAX_RUNS_FOR_ALL_PAIRS` runs, otherwise each run with the first."""
    if count <= MAX_RUNS_FOR_ALL_PAIRS:
        return list(combinations(range(count), 2))
    return [(0, other) for other in range(1, count)]


def conclusion(difference: Estimate, first: str, second: str, higher_is_better: bool) -> str:
    """Return which side is better, that no difference is shown, or why this is unknown."""
    if difference.value is None:
        return difference.reason or "not defined"
    if difference.low is None or difference.high is None:
        return f"no interval: {difference.reason}" if abs(difference.value) > 1e-12 else NO_DIFFERENCE
    if difference.low <= 0 <= difference.high:
        return NO_DIFFERENCE
    return f"{first if (difference.low > 0) == higher_is_better else second} better"


def _pair_entry(images: SharedImages, resampled: Resampled, letters: Sequence[str], i: int, j: int) -> dict[str, Any]:
    difference = resampled.difference([i], [j])
    first, second = letters[i], letters[j]
    entry = {"first": first, "second": second, **_difference_entry(resampled, difference, first, second)}
    if resampled.metric == "auroc":
        entry["delong_p"] = delong_p_value(images.labels, images.runs[i].logits, images.runs[j].logits)
    return entry


def _difference_entry(resampled: Resampled, difference: Estimate, first: str, second: str) -> dict[str, Any]:
    low, high = difference.low, difference.high
    return {
        "difference": difference.as_dict(),
        "excludes_zero": None if low is None or high is None else not low <= 0 <= high,
        "conclusion": conclusion(difference, first, second, METRICS[resampled.metric].higher_is_better),
    }


def _seed_summary(resampled: Resampled, groups: Sequence[SeedGroup], letters: Sequence[str]) -> dict[str, Any]:
    """Summarise configs over their seeds, with their differences; empty if no config has several seeds."""
    if all(len(group.members) == 1 for group in groups):
        return {"configs": [], "config_pairs": []}
    names = [" ".join(letters[i] for i in group.members) for group in groups]
    spreads = [Spread.of(resampled.observed[list(group.members)]) for group in groups]
    differences = []
    for i, j in pairs(len(groups)):
        if len(groups[i].members) == len(groups[j].members) == 1:
            continue  # already among the pairs of runs
        difference = resampled.difference(groups[i].members, groups[j].members)
        entry = _difference_entry(resampled, difference, names[i], names[j])
        one, other = spreads[i].sd, spreads[j].sd
        sd = float(np.hypot(one, other)) if one is not None and other is not None else None
        differences.append({"first": names[i], "second": names[j], **entry, "sd_over_seeds": sd})
    configs = [
        {"runs": name, "mean": resampled.mean(group.members).as_dict(), "over_seeds": asdict(spread)}
        for name, group, spread in zip(names, groups, spreads, strict=True)
    ]
    return {"configs": configs, "config_pairs": differences}


def _notes_on_repeated_seeds(groups: Sequence[SeedGroup], letters: Sequence[str]) -> list[str]:
    return [
        f"{', '.join(letters[i] for i in group.repeated)} repeats the config and seed of another run and "
        "is left out of the means over seeds."
        for group in groups
        if group.repeated
    ]
