"""Differences of runs on the same images, their intervals and tests; plain values for JSON, functions on arrays."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import combinations
from string import ascii_uppercase
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.compare.images import SharedImages
from xray.compare.metrics import METRICS, Metric, values_of
from xray.compare.seeds import SeedGroup, Spread, group_by_config, seed_of
from xray.evaluation.delong import delong_p_value
from xray.evaluation.ranking import Values
from xray.evaluation.resampling import LEVEL, RESAMPLES, Estimate, Patients, bootstrap, estimate

MOST_FOR_ALL_PAIRS = 6
"""More runs are each set against the first: all their pairs would be read by nobody, and some would differ by luck."""

NO_DIFFERENCE = "no difference shown"


def compare_runs(images: SharedImages, metric: Metric, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Set runs against one another in one figure.

    Args:
        images: Images that all runs were tested on.
        metric: The figure.
        resamples: How often patients are resampled, the same ones for all runs.

    Returns:
        Plain values for JSON; a figure is a mapping of value, low and high, each None where it is not defined, with the
        reason beside it. Differences are the first run less the second.
    """
    patients = Patients.of(images.patients, images.labels)
    groups = group_by_config([run.source for run in images.runs])
    resampled = Resampled(images, metric, patients, resamples)
    of_area = resampled if metric == "auroc" else Resampled(images, "auroc", patients, resamples)
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
            "figure": resampled.figure([i]).as_dict(),
            "auroc": of_area.figure([i]).as_dict(),
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
        "patients_by_class": dict(zip(images.class_names, patients.of_class, strict=True)),
        "matched_by": images.matched_by,
        "runs": runs,
        "pairs": [_pair(images, resampled, letters, i, j) for i, j in pairs(len(runs))],
        **_over_seeds(resampled, groups, letters),
        "notes": [*images.notes, *_notes_on_repetitions(groups, letters)],
        "method": {
            "level": LEVEL,
            "resamples": resamples,
            "interval": "percentiles of a bootstrap of patients, stratified by class, the same resamples for all runs",
        },
    }


class Resampled:
    """A figure of each run, for all images and for each resample of patients.

    Args:
        images: Images that all runs were tested on.
        metric: The figure.
        patients: Whose images they are.
        resamples: How many.
    """

    def __init__(self, images: SharedImages, metric: Metric, patients: Patients, resamples: int) -> None:
        compute = {str(i): values_of(metric, images.labels, run) for i, run in enumerate(images.runs)}
        one = np.ones((1, len(images.labels)))
        found = bootstrap(patients, lambda weights: {i: of(weights) for i, of in compute.items()}, resamples)
        self.metric = metric
        self.patients = patients
        self.whole: npt.NDArray[np.float64] = np.array([float(of(one)[0]) for of in compute.values()])
        """Shape (runs,)."""
        self.resampled: npt.NDArray[np.float64] = np.stack([found[i] for i in compute])
        """Shape (runs, resamples)."""

    def figure(self, runs: Sequence[int]) -> Estimate:
        """Mean over the runs, or the figure of the only one."""
        positive, negative = self.patients.of_class[1], self.patients.of_class[0]
        trials = {"sensitivity": positive, "specificity": negative}.get(self.metric)
        value, resampled = self._mean(runs)
        return estimate(value, resampled, self.patients, trials)

    def difference(self, first: Sequence[int], second: Sequence[int]) -> Estimate:
        """Mean over the first runs less that over the second, on the same resamples."""
        (one, ones), (other, others) = self._mean(first), self._mean(second)
        found = estimate(one - other, ones - others, self.patients)
        # Runs that agree need not be without error, which `estimate` would suppose.
        never = found.value is not None and found.low is None and bool((np.abs(ones - others) < 1e-12).all())
        return replace(found, reason="no resample differs") if never else found

    def _mean(self, runs: Sequence[int]) -> tuple[float, Values]:
        chosen = list(runs)
        return float(self.whole[chosen].mean()), self.resampled[chosen].mean(axis=0)


def letter(position: int) -> str:
    """The short name of a run: A to Z, then A1 and so on."""
    return ascii_uppercase[position % 26] + (str(position // 26) if position >= 26 else "")


def pairs(count: int) -> list[tuple[int, int]]:
    """All pairs of up to `MOST_FOR_ALL_PAIRS`, otherwise each against the first."""
    if count <= MOST_FOR_ALL_PAIRS:
        return list(combinations(range(count), 2))
    return [(0, other) for other in range(1, count)]


def prediction(difference: Estimate, first: str, second: str, higher_is_better: bool) -> str:
    """What a difference shows: which side is better, nothing, or why it cannot be told."""
    if difference.value is None:
        return difference.reason or "not defined"
    if difference.low is None or difference.high is None:
        return f"no interval: {difference.reason}" if abs(difference.value) > 1e-12 else NO_DIFFERENCE
    if difference.low <= 0 <= difference.high:
        return NO_DIFFERENCE
    return f"{first if (difference.low > 0) == higher_is_better else second} better"


def _pair(images: SharedImages, resampled: Resampled, letters: Sequence[str], i: int, j: int) -> dict[str, Any]:
    difference = resampled.difference([i], [j])
    found = {"first": letters[i], "second": letters[j]} | _predicted(resampled, difference, letters[i], letters[j])
    if resampled.metric == "auroc":
        found["delong_p"] = delong_p_value(images.labels, images.runs[i].logits, images.runs[j].logits)
    return found


def _predicted(resampled: Resampled, difference: Estimate, first: str, second: str) -> dict[str, Any]:
    low, high = difference.low, difference.high
    return {
        "difference": difference.as_dict(),
        "excludes_zero": None if low is None or high is None else not low <= 0 <= high,
        "prediction": prediction(difference, first, second, METRICS[resampled.metric].higher_is_better),
    }


def _over_seeds(resampled: Resampled, groups: Sequence[SeedGroup], letters: Sequence[str]) -> dict[str, Any]:
    """Configs by mean and spread over their seeds, and their differences; empty where no config has several."""
    if all(len(group.members) == 1 for group in groups):
        return {"configs": [], "config_pairs": []}
    names = [" ".join(letters[i] for i in group.members) for group in groups]
    spreads = [Spread.of(resampled.whole[list(group.members)]) for group in groups]
    differences = []
    for i, j in pairs(len(groups)):
        if len(groups[i].members) == len(groups[j].members) == 1:
            continue  # it stands among the pairs of runs
        difference = resampled.difference(groups[i].members, groups[j].members)
        predicted = _predicted(resampled, difference, names[i], names[j])
        one, other = spreads[i].sd, spreads[j].sd
        sd = float(np.hypot(one, other)) if one is not None and other is not None else None
        differences.append({"first": names[i], "second": names[j], **predicted, "sd_over_seeds": sd})
    configs = [
        {"runs": name, "mean": resampled.figure(group.members).as_dict(), "over_seeds": asdict(spread)}
        for name, group, spread in zip(names, groups, spreads, strict=True)
    ]
    return {"configs": configs, "config_pairs": differences}


def _notes_on_repetitions(groups: Sequence[SeedGroup], letters: Sequence[str]) -> list[str]:
    return [
        f"{', '.join(letters[i] for i in group.repeated)} repeats config and seed of a run that is counted already: it "
        "is left out of the means over seeds."
        for group in groups
        if group.repeated
    ]
