"""Which runs are several seeds of one config."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xray.evaluation.ranking import Values


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one config, by their positions.

    Args:
        members: One run for each seed, in the order given.
        repeated: Further runs of seeds that are counted already: they tell nothing of the spread over seeds.
    """

    members: tuple[int, ...]
    repeated: tuple[int, ...] = ()


@dataclass(frozen=True)
class Spread:
    """A figure over the seeds of one config; None where it is not defined.

    Args:
        n: How many seeds.
        mean: Their mean.
        sd: Their standard deviation with n - 1 in the divisor; None for a single seed.
        low: The lowest.
        high: The highest.
    """

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Values) -> "Spread":
        """Of one value for each seed; not defined where one of them is not."""
        n = len(values)
        if not np.isfinite(values).all():
            return cls(n, None, None, None, None)
        sd = float(np.std(values, ddof=1)) if n > 1 else None
        return cls(n, float(np.mean(values)), sd, float(np.min(values)), float(np.max(values)))


def seed_of(source: Mapping[str, Any]) -> int | None:
    """The seed of a run; None where it was not seeded."""
    seed = (source.get("config") or {}).get("seed_everything")
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def group_by_config(sources: Sequence[Mapping[str, Any]]) -> list[SeedGroup]:
    """Group runs whose configs are equal in all but `seed_everything`, and whose training data were the same files.

    Another `data.split_seed` is another config: it trains on other images. A run without a config is alone.

    Args:
        sources: Of each run, see `xray.evaluation.scored_set.ScoredSet`.

    Returns:
        The groups in the order of their first runs; a run that shares its config with none is a group of one.
    """
    together: dict[str, list[int]] = {}
    for i, source in enumerate(sources):
        together.setdefault(_fingerprint(source) or f"alone {i}", []).append(i)
    groups = []
    for runs in together.values():
        seeds: dict[object, int] = {}
        for i in runs:
            # Runs without a seed differ by chance each time.
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
