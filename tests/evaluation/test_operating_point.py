"""Thresholds against an exhaustive search."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.evaluation.calibration import probability_of
from xray.evaluation.operating_point import OperatingPoint, choose_threshold
from xray.utils.errors import UserError

PROBABILITY = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, np.nextafter(1, 0), 5e-324]), st.floats(0, 1))
TARGETS = [0.01, 0.5, 2 / 3, 0.9, 0.95, 1.0]
POINTS = st.one_of(
    st.just(OperatingPoint()),
    st.builds(OperatingPoint, st.sampled_from(["sensitivity", "specificity"]), st.sampled_from(TARGETS)),
    st.builds(OperatingPoint, st.just("cost"), st.sampled_from([0.1, 0.5, 1.0, 3.0, 20.0])),
)


@st.composite
def tables(draw):
    """Labels of both classes, and probabilities."""
    rows = draw(st.lists(st.tuples(st.integers(0, 1), PROBABILITY), max_size=25))
    rows += [(0, draw(PROBABILITY)), (1, draw(PROBABILITY))]
    return np.array([label for label, _ in rows]), np.array([probability for _, probability in rows])


def shares(labels, probability, threshold):
    positive = probability >= threshold
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    tp, tn = int((positive & (labels == 1)).sum()), int((~positive & (labels == 0)).sum())
    return Fraction(tp, positives), Fraction(tn, negatives)


def merit(labels, probability, threshold, point):
    """Return what the rule maximises, as exact fractions, most important first."""
    sensitivity, specificity = shares(labels, probability, threshold)
    if point.rule == "youden":
        return (sensitivity + specificity,)
    if point.rule == "cost":
        missed = (1 - sensitivity) * int((labels == 1).sum())
        alarms = (1 - specificity) * int((labels == 0).sum())
        # 0.1 has no exact binary representation.
        return (-(Fraction(point.target).limit_denominator(1000) * missed + alarms),)
    fixed, other = (sensitivity, specificity) if point.rule == "sensitivity" else (specificity, sensitivity)
    target = Fraction(point.target).limit_denominator(1000)
    return (1, other) if fixed >= target else (0, fixed)


def all_thresholds(probability):
    """Return a threshold for each way to separate the images."""
    return [0.0, *(p for p in set(probability.tolist())), *([1.0] if probability.max() < 1 else [])]


@given(tables(), POINTS)
def test_chosen_threshold_is_optimal(table, point):
    labels, probability = table
    chosen = choose_threshold(labels, probability, point)
    assert 0 <= chosen <= 1
    best = max(merit(labels, probability, threshold, point) for threshold in all_thresholds(probability))
    assert merit(labels, probability, chosen, point) == best


@given(tables(), POINTS)
def test_ties_go_to_the_nearest_candidate(table, point):
    labels, probability = table
    chosen = choose_threshold(labels, probability, point)
    ideal = 1 / (1 + point.target) if point.rule == "cost" else 0.5
    edges = [0.0, *sorted(set(probability.tolist())), 1.0]
    middles = [(low + high) / 2 for low, high in pairwise(edges) if low < (low + high) / 2]
    best = merit(labels, probability, chosen, point)
    equal = [m for m in middles if merit(labels, probability, m, point) == best]
    assert all(abs(chosen - ideal) <= abs(m - ideal) + 1e-12 for m in equal)


@given(tables(), st.sampled_from(TARGETS))
def test_target_is_reached(table, target):
    labels, probability = table
    sensitivity, _ = shares(
        labels, probability, choose_threshold(labels, probability, OperatingPoint("sensitivity", target))
    )
    assert sensitivity >= target - 1e-12
    # Negatives of probability 1 are predicted positive at every threshold.
    if probability.max() < 1:
        point = OperatingPoint("specificity", target)
        _, specificity = shares(labels, probability, choose_threshold(labels, probability, point))
        assert specificity >= target - 1e-12


def test_unreachable_specificity_is_maximised():
    labels, probability = np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.9, 1.0, 0.95, 1.0])
    chosen = choose_threshold(labels, probability, OperatingPoint("specificity", 1.0))
    assert shares(labels, probability, chosen) == (Fraction(2, 2), Fraction(2, 3))


@pytest.mark.parametrize("rule", ["sensitivity", "specificity"])
@pytest.mark.parametrize("tenths", range(1, 11))
def test_target_tolerates_rounding(rule, tenths):
    # A specificity of 1/10 is computed as 1 - 0.9, which is 0.09999999999999998.
    labels = np.tile([1, 0], 10)
    probability = np.linspace(0.91, 0.1, 20)
    point = OperatingPoint(rule, tenths / 10)
    best = max(merit(labels, probability, threshold, point) for threshold in all_thresholds(probability))
    assert merit(labels, probability, choose_threshold(labels, probability, point), point) == best


def test_threshold_is_midway_between_the_classes():
    labels, probability = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])
    for point in (OperatingPoint(), OperatingPoint("sensitivity", 1.0), OperatingPoint("specificity", 1.0)):
        assert choose_threshold(labels, probability, point) == pytest.approx(0.4)


def test_equally_near_ties_go_to_the_upper_threshold():
    labels, probability = np.array([0, 1, 0, 1]), np.array([0.25, 0.375, 0.625, 0.75])
    assert choose_threshold(labels, probability, OperatingPoint()) == 0.6875


def test_higher_cost_of_misses_lowers_the_threshold():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    probability = probability_of(rng.normal(2 * labels - 1, 1.0) / 0.5)
    chosen = [choose_threshold(labels, probability, OperatingPoint("cost", ratio)) for ratio in (0.05, 1.0, 20.0)]
    assert chosen[0] > chosen[1] > chosen[2]


def test_threshold_for_equal_probabilities():
    labels, probability = np.array([0, 1, 1]), np.full(3, 0.7)
    assert choose_threshold(labels, probability, OperatingPoint()) in {0.35, 0.85}
    assert choose_threshold(labels, probability, OperatingPoint("sensitivity", 0.9)) == pytest.approx(0.35)
    assert choose_threshold(labels, probability, OperatingPoint("specificity", 0.9)) == pytest.approx(0.85)


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_threshold_for_probabilities_0_and_1(certain):
    labels, probability = np.array([0, 1, 1]), np.full(3, certain)
    chosen = choose_threshold(labels, probability, OperatingPoint("sensitivity", 1.0))
    assert 0 <= chosen <= 1
    assert (probability >= chosen).all()


@pytest.mark.parametrize("seed", range(2))
def test_float32_threshold_gives_the_same_decisions(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, 500)
    probability = probability_of(rng.normal(3 * labels - 1.5, 1.5) / 1.2)
    for point in (OperatingPoint(), OperatingPoint("sensitivity", 0.95), OperatingPoint("cost", 5.0)):
        chosen = choose_threshold(labels, probability, point)
        np.testing.assert_array_equal(probability >= float(np.float32(chosen)), probability >= chosen)


@pytest.mark.parametrize(
    ("rule", "target", "words"),
    [
        ("youden", 0.9, ["0.9", "youden"]),
        ("sensitivity", None, ["missing", "0.95"]),
        ("specificity", None, ["missing", "0.95"]),
        ("cost", None, ["missing", "5"]),
        ("sensitivity", 0.0, ["0.0", "between 0 and 1"]),
        ("sensitivity", 95.0, ["95.0", "between 0 and 1"]),
        ("specificity", -0.1, ["-0.1", "between 0 and 1"]),
        ("specificity", np.nan, ["nan", "between 0 and 1"]),
        ("cost", 0.0, ["0.0", "above 0"]),
        ("cost", -2.0, ["-2.0", "above 0"]),
        ("cost", np.inf, ["inf", "above 0"]),
        ("cost", np.nan, ["nan", "above 0"]),
    ],
)
def test_rejects_an_invalid_target(rule, target, words):
    with pytest.raises(UserError) as error:
        OperatingPoint(rule, target)
    message = str(error.value)
    assert "model.operating_point.target" in message
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (OperatingPoint(), ["Youden"]),
        (OperatingPoint("sensitivity", 0.95), ["sensitivity", "0.95"]),
        (OperatingPoint("specificity", 1.0), ["specificity", "1"]),
        (OperatingPoint("cost", 5.0), ["cost", "5 times"]),
    ],
)
def test_rule_descriptions(point, words):
    assert all(word in point.description for word in words)
