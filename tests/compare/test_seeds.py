"""Runs of one config that differ only in their seed are grouped."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compare.conftest import draw, scored_set

from xray.compare.seeds import SeedGroup, Spread, group_by_config, seed_of


def source(seed=42, **config):
    return scored_set(*draw(), seed=seed, **config).source


def altered(change):
    other = deepcopy(source(43))
    change(other)
    return other


def test_groups_seeds_of_one_config_in_order():
    sources = [source(3), source(1, model={"lr": 0.2}), source(1), source(2), source(5, model={"lr": 0.2})]
    assert group_by_config(sources) == [SeedGroup((0, 2, 3)), SeedGroup((1, 4))]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["config"]["data"].update(split_seed=1),
        lambda s: s["config"]["model"].update(lr=0.2),
        lambda s: s["config"].update(ckpt_path="last.ckpt"),
        lambda s: s["training_data"]["splits"]["train"].update(fingerprint="other images"),
        lambda s: s.pop("config"),
    ],
)
def test_any_other_difference_separates_runs(change):
    assert group_by_config([source(42), altered(change)]) == [SeedGroup((0,)), SeedGroup((1,))]


def test_order_of_keys_does_not_matter():
    other = altered(lambda s: s.update(config=dict(reversed(s["config"].items()))))
    assert group_by_config([source(42), other]) == [SeedGroup((0, 1))]


def test_repeated_seed_counts_once():
    assert group_by_config([source(1), source(2), source(1), source(1)]) == [SeedGroup((0, 1), (2, 3))]


@pytest.mark.parametrize("seed", [None, True, False])
def test_runs_without_a_seed_count_as_different_seeds(seed):
    assert seed_of(source(seed)) is None
    assert group_by_config([source(seed), source(seed)]) == [SeedGroup((0, 1))]


def test_runs_without_config_are_not_grouped():
    assert group_by_config([{}, {}]) == [SeedGroup((0,)), SeedGroup((1,))]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_spread_matches_numpy(values):
    spread = Spread.of(np.array(values))
    assert (spread.n, spread.low, spread.high) == (len(values), min(values), max(values))
    assert spread.mean == pytest.approx(np.mean(values))
    assert spread.sd == pytest.approx(np.sqrt(np.var(values) * len(values) / (len(values) - 1)))


def test_undefined_spread():
    assert Spread.of(np.array([0.9])) == Spread(1, 0.9, None, 0.9, 0.9)
    assert Spread.of(np.array([0.9, np.nan])) == Spread(2, None, None, None, None)
