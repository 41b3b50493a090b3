"""Paired differences of runs on the same images, with bootstrap intervals and DeLong's test."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from string import ascii_uppercase
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.compare.images import SharedImages
from xray.compare.metrics import metrics_of
from xray.compare.seeds import SeedGroup, Spread, group_by_config, seed_of
from xray.compare.settings import differing_settings, settings_of
from xray.evaluation.arrays import ResampleValues, Weights
from xray.evaluation.delong import delong_p_value
from xray.evaluation.registry import METRICS
from xray.evaluation.resampling import LEVEL, RESAMPLES, Estimate, Patients, bootstrap, estimate

MAX_RUNS_FOR_ALL_PAIRS = 6
"""More runs are compared only with the first: nobody would read all pairs, and some would differ by chance."""

NO_DIFFERENCE = "no difference shown"


def compare_runs(images: SharedImages, metrics: Sequence[str], resamples: int = RESAMPLES) -> dict[str, Any]:
    """Compare runs by several metrics, the AUROC among them.

    Returns:
        Plain values for JSON. A metric of a run is a mapping of value, low and high, each None where it is not defined,
        and the reason; that of a pair has `difference`, the first run minus the second, instead of value.
    """
    patients = Patients.of(images.patients, images.labels)
    groups = group_by_config([run.source for run in images.runs])
    resampled = resample_runs(images, metrics, patients, resamples)
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
            **asdict(run.scaling),
            "trained_with": run.source.get("trained_with"),
            "metrics": {name: values.mean([i]).as_dict() for name, values in resampled.items()},
        }
        for i, run in enumerate(images.runs)
    ]
    return {
        "settings": differing_settings([run.source for run in images.runs]),
        "settings_unknown": [
            name for name, run in zip(letters, images.runs, strict=True) if not settings_of(run.source)
        ],
        "metrics": {
            name: {"title": METRICS[name].title, "higher_is_better": METRICS[name].higher_is_better} for name in metrics
        },
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


@dataclass(frozen=True)
class Resampled:
    """A metric of each run, on all images and on each bootstrap resample of patients.

    Args:
        metric: Its name.
        patients: The patient of each image.
        observed: Its values on all images, shape (runs,).
        resampled: Its values on the resamples, shape (runs, resamples).
    """

    metric: str
    patients: Patients
    observed: npt.NDArray[np.float64]
    resampled: npt.NDArray[np.float64]

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


def resample_runs(
    images: SharedImages, metrics: Sequence[str], patients: Patients, resamples: int
) -> dict[str, Resampled]:
    """Compute the metrics of all runs, by the name of the metric, on the same resamples."""
    compute = [metrics_of(run, images.labels, metrics) for run in images.runs]

    def by_run_and_name(weights: Weights) -> dict[str, ResampleValues]:
        return {f"{i} {name}": values for i, of_run in enumerate(compute) for name, values in of_run(weights).items()}

    whole = by_run_and_name(np.ones((1, len(images.labels))))
    resampled = bootstrap(patients, by_run_and_name, resamples)
    keys = {name: [f"{i} {name}" for i in range(len(images.runs))] for name in metrics}
    return {
        name: Resampled(
            name,
            patients,
            np.array([float(whole[key][0]) for key in of_runs]),
            np.stack([resampled[key] for key in of_runs]),
        )
        for name, of_runs in keys.items()
    }


def letter(position: int) -> str:
    """Return the short name of a run: A to Z, then A1 and so on."""
    return ascii_uppercase[position % 26] + (str(position // 26) if position >= 26 else "")


def pairs(count: int) -> list[tuple[int, int]]:
    """Return all pairs of up to `MAX_RUNS_FOR_ALL_PAIRS` runs, otherwise each run with the first."""
    if count <= MAX_RUNS_FOR_ALL_PAIRS:
        return list(combinations(range(count), 2))
    return [(0, other) for other in range(1, count)]


def conclusion(difference: Estimate, first: str, second: str, metric: str, same_ranking: bool = False) -> str:
    """Return which side is better, that no difference is shown, or why this is unknown.

    Args:
        difference: The first side minus the second.
        first: Name of the first side.
        second: Name of the second side.
        metric: The metric that differs. More sensitivity or specificity is not called better: a threshold trades one
            for the other.
        same_ranking: Whether no difference of the AUROC is shown, so that decisions differ by the threshold.
    """
    if difference.value is None:
        return difference.reason or "not defined"
    if difference.low is None or difference.high is None:
        return f"no interval: {difference.reason}" if abs(difference.value) > 1e-12 else NO_DIFFERENCE
    if difference.low <= 0 <= difference.high:
        return NO_DIFFERENCE
    winner = first if (difference.low > 0) == METRICS[metric].higher_is_better else second
    result = f"{winner} {'higher' if metric in {'sensitivity', 'specificity'} else 'better'}"
    by_threshold = same_ranking and METRICS[metric].group == "decision"
    return f"{result}, at its threshold; the ranking (AUROC) shows no difference" if by_threshold else result


def _pair_entry(
    images: SharedImages, resampled: Mapping[str, Resampled], letters: Sequence[str], i: int, j: int
) -> dict[str, Any]:
    entries = _difference_entries(resampled, ([i], letters[i]), ([j], letters[j]))
    entries["auroc"]["delong_p"] = delong_p_value(images.labels, images.runs[i].logits, images.runs[j].logits)
    return {"first": letters[i], "second": letters[j], "metrics": entries}


def _difference_entries(
    resampled: Mapping[str, Resampled], first: tuple[Sequence[int], str], second: tuple[Sequence[int], str]
) -> dict[str, dict[str, Any]]:
    """Return the difference of two sides, each of runs and a name, by metric."""
    (ones, one), (others, other) = first, second
    differences = {name: values.difference(ones, others) for name, values in resampled.items()}
    same_ranking = conclusion(differences["auroc"], one, other, "auroc") == NO_DIFFERENCE
    entries = {}
    for name, difference in differences.items():
        low, high = difference.low, difference.high
        entries[name] = {
            {"value": "difference"}.get(key, key): value for key, value in difference.as_dict().items()
        } | {
            "excludes_zero": None if low is None or high is None else not low <= 0 <= high,
            "conclusion": conclusion(difference, one, other, name, same_ranking),
        }
    return entries


def _seed_summary(
    resampled: Mapping[str, Resampled], groups: Sequence[SeedGroup], letters: Sequence[str]
) -> dict[str, Any]:
    """Summarise configs over their seeds, with their differences; empty if no config has several seeds."""
    if all(len(group.members) == 1 for group in groups):
        return {"configs": [], "config_pairs": []}
    names = [" ".join(letters[i] for i in group.members) for group in groups]
    spreads = [
        {name: Spread.of(values.observed[list(group.members)]) for name, values in resampled.items()}
        for group in groups
    ]
    differences = []
    for i, j in pairs(len(groups)):
        if len(groups[i].members) == len(groups[j].members) == 1:
            continue  # already among the pairs of runs
        entries = _difference_entries(resampled, (groups[i].members, names[i]), (groups[j].members, names[j]))
        for name, entry in entries.items():
            one, other = spreads[i][name].sd, spreads[j][name].sd
            entry["sd_over_seeds"] = float(np.hypot(one, other)) if one is not None and other is not None else None
        differences.append({"first": names[i], "second": names[j], "metrics": entries})
    configs = [
        {
            "runs": name,
            "metrics": {
                metric: values.mean(group.members).as_dict() | {"over_seeds": asdict(spread[metric])}
                for metric, values in resampled.items()
            },
        }
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
