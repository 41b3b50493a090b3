"""Group runs of one config that differ only in their seed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xray.evaluation.arrays import ResampleValues


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one config, by their positions in the list of runs.

    Args:
        members: One run for each seed, in the order given.
        repeated: Further runs with a seed that is already in `members`; they add nothing to the spread over seeds.
    """

    members: tuple[int, ...]
    repeated: tuple[int, ...] = ()


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds of one config; None where it is not defined.

    Args:
        n: Number of seeds.
        mean: Mean over seeds.
        sd: Standard deviation with n - 1 in the divisor; None for a single seed.
        low: Lowest value.
        high: Highest value.
    """

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: ResampleValues) -> "Spread":
        """Summarise one value per seed; undefined if any value is."""
        n = len(values)
        if not np.isfinite(values).all():
            return cls(n, None, None, None, None)
        sd = float(np.std(values, ddof=1)) if n > 1 else None
        return cls(n, float(np.mean(values)), sd, float(np.min(values)), float(np.max(values)))


def seed_of(source: Mapping[str, Any]) -> int | None:
    """Return the seed of a run; None if it was not seeded."""
    seed = (source.get("config") or {}).get("seed_everything")
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def group_by_config(sources: Sequence[Mapping[str, Any]]) -> list[SeedGroup]:
    """Group runs with the same training files and configs that differ at most in `seed_everything`.

    A different `data.split_seed` is a different config, as it trains on other images. A run without a config forms its
    own group. Groups are in the order of their first runs.
    """
    by_config: dict[str, list[int]] = {}
    for i, source in enumerate(sources):
        by_config.setdefault(_fingerprint(source) or f"alone {i}", []).append(i)
    groups = []
    for runs in by_config.values():
        seeds: dict[object, int] = {}
        for i in runs:
            # Unseeded runs differ by chance, so each counts as another seed.
            seeds.setdefault((i, None) if seed_of(sources[i]) is None else seed_of(sources[i]), i)
        members = tuple(seeds.values())
        groups.append(SeedGroup(members, tuple(i for i in runs if i not in members)))
    return groups


def _fingerprint(source: Mapping[str, Any]) -> str | None:
    if not (config := source.get("config")):
        return None
    splits = (source.get("training_data") or {}).get("splits", {})
    images = {name: split.get("fingerprint") for name, split in splits.items() if name in {"train", "val"}}
    rest = {key: value for key, value in config.items() if key != "seed_everything"}
    return json.dumps([rest, images], sort_keys=True)
