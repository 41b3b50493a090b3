"""The bootstrap over patients: its draws and the coverage of its intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xray.evaluation import resampling
from xray.evaluation.metrics import Confusion
from xray.evaluation.ranking import Ranking
from xray.evaluation.resampling import Estimate, Patients, bootstrap, estimate, estimates

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

# (patient, label) of each image; patients may have images of both classes.
IMAGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1)), min_size=1, max_size=30)


def split_columns(images):
    return [patient for patient, _ in images], np.array([label for _, label in images], dtype=np.int64)


def drawn(patients, resamples=50, seed=0):
    return np.concatenate(list(patients.resample(resamples, seed)))


def kinds_of(names, labels):
    """Group patients by the classes of their images."""
    kinds = {}
    for name in sorted(set(names)):
        kind = frozenset(label for other, label in zip(names, labels, strict=True) if other == name)
        kinds.setdefault(kind, []).append(name)
    return kinds


@given(IMAGES, st.integers(0, 5))
def test_resamples_whole_patients_within_strata(images, seed):
    names, labels = split_columns(images)
    weights = drawn(Patients.of(names, labels), seed=seed)
    assert weights.shape == (50, len(images))
    assert (weights == np.round(weights)).all()
    assert weights.min() >= 0
    first = {name: names.index(name) for name in names}
    for i, name in enumerate(names):
        np.testing.assert_array_equal(weights[:, i], weights[:, first[name]])
    for members in kinds_of(names, labels).values():
        assert set(weights[:, [first[name] for name in members]].sum(axis=1)) == {len(members)}


@given(IMAGES)
def test_counts_patients_per_class(images):
    names, labels = split_columns(images)
    expected = tuple(len({name for name, label in images if label == own}) for own in (0, 1))
    patients = Patients.of(names, labels)
    assert patients.per_class == expected
    assert sorted(map(len, patients.strata)) == sorted(map(len, kinds_of(names, labels).values()))


def test_draws_are_uniform_and_independent():
    names, labels = [str(i) for i in range(20)], np.repeat([0, 1], [12, 8])
    weights = drawn(Patients.of(names, labels), resamples=20_000)
    # A count of 12 draws among 12 has mean 1 and variance 1 - 1/12.
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=5 * np.sqrt(1 / 20_000))
    np.testing.assert_allclose(weights[:, :12].var(axis=0), 1 - 1 / 12, rtol=0.05)
    # Strata are drawn independently.
    between = np.corrcoef(weights.T)[:12, 12:]
    assert np.abs(between).max() < 5 / np.sqrt(20_000)


def test_draws_depend_on_the_seed():
    patients = Patients.of(list("aabbccddeeff"), np.repeat([0, 1], 6))
    np.testing.assert_array_equal(drawn(patients, seed=3), drawn(patients, seed=3))
    assert (drawn(patients, seed=3) != drawn(patients, seed=4)).any()


@pytest.mark.parametrize("size", [1, 1000, 10**9])
def test_draws_do_not_depend_on_the_chunk_size(monkeypatch, size):
    names = ["n0", "n1", "n1", "n2", "p0", "p1", "p1", "p2", "p3", "x0", "x0", "x1", "x1"]
    patients = Patients.of(names, np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1]))
    expected = drawn(patients, resamples=77)
    monkeypatch.setattr(resampling, "CHUNK_BYTES", size)
    np.testing.assert_array_equal(drawn(patients, resamples=77), expected)


def test_chunks_are_bounded():
    patients = Patients.of([str(i) for i in range(5000)], np.arange(5000) % 2)
    chunks = list(patients.resample(300))
    assert sum(map(len, chunks)) == 300
    assert max(chunk.nbytes for chunk in chunks) <= resampling.CHUNK_BYTES


def test_bootstrap_keeps_the_order_of_resamples():
    patients = Patients.of([str(i) for i in range(4000)], np.arange(4000) % 2)
    result = bootstrap(patients, lambda weights: {"first": weights[:, 0]}, resamples=200)
    np.testing.assert_array_equal(result["first"], drawn(patients, 200)[:, 0])


def test_resampling_without_images():
    patients = Patients.of([], np.array([], dtype=np.int64))
    assert patients.per_class == (0, 0)
    assert drawn(patients).shape == (50, 0)


def metrics_of(labels, scores, decisions):
    ranking = Ranking.of(labels, scores)

    def metrics(weights):
        counts = Confusion.of(labels, decisions, weights)
        return {
            "auroc": ranking.auroc(weights),
            "accuracy": counts.accuracy,
            "sensitivity": counts.sensitivity,
            "specificity": counts.specificity,
        }

    return metrics


@pytest.fixture
def overlapping():
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], [60, 90])
    scores = rng.normal(labels, 1.0)
    return labels, scores, (scores > 0.5).astype(np.int64)


def test_intervals_match_scipy_for_one_image_per_patient(overlapping):
    labels, scores, decisions = overlapping
    patients = Patients.of([str(i) for i in range(150)], labels)
    result = estimates(patients, metrics_of(*overlapping), resamples=20_000)

    def area(negative, positive):
        ranks = stats.rankdata(np.concatenate([negative, positive], axis=-1), axis=-1)
        n, m = negative.shape[-1], positive.shape[-1]
        return 1 - (ranks[..., :n].sum(axis=-1) - n * (n + 1) / 2) / (n * m)

    def interval(samples, statistic):
        return stats.bootstrap(
            samples, statistic, method="percentile", n_resamples=20_000, vectorized=True, rng=np.random.default_rng(1)
        ).confidence_interval

    expected = interval((scores[labels == 0], scores[labels == 1]), lambda n, p, axis: area(n, p))
    # Two estimates of a quantile from 20,000 draws each differ by some hundredths of the width.
    width = expected.high - expected.low
    assert [result["auroc"].low, result["auroc"].high] == pytest.approx(list(expected), abs=0.05 * width)
    expected = interval((decisions[labels == 1],), np.mean)
    # A share of 90 images moves in steps.
    assert [result["sensitivity"].low, result["sensitivity"].high] == pytest.approx(list(expected), abs=1 / 90 + 1e-9)
    assert result["sensitivity"].value == decisions[labels == 1].mean()


def test_correlated_images_widen_the_interval():
    rng = np.random.default_rng(2)
    number = np.repeat(np.arange(60), 8)
    labels = number % 2
    own = rng.normal(np.arange(60) % 2, 1.0)
    scores = own[number] + 0.1 * rng.normal(size=480)
    metrics = metrics_of(labels, scores, (scores > 0.5).astype(np.int64))
    clustered = estimates(Patients.of([str(i) for i in number], labels), metrics)
    apart = estimates(Patients.of([str(i) for i in range(480)], labels), metrics)
    for name in ("auroc", "sensitivity", "specificity", "accuracy"):
        assert clustered[name].value == apart[name].value
        ratio = (clustered[name].high - clustered[name].low) / (apart[name].high - apart[name].low)
        # Eight nearly equal images count as one: the interval is nearly sqrt(8) times as wide.
        assert 2.2 < ratio < 3.3


def test_intervals_have_nominal_coverage():
    rng = np.random.default_rng(11)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    held = 0
    for _ in range(200):
        number = np.repeat(np.arange(60), 2)
        labels = number % 2
        # Two images of a patient share half of their variance, and each alone has variance 1.
        scores = labels + np.sqrt(0.5) * (rng.normal(size=60)[number] + rng.normal(size=120))
        ranking = Ranking.of(labels, scores)
        patients = Patients.of([str(i) for i in number], labels)
        result = estimates(patients, lambda weights, ranking=ranking: {"auroc": ranking.auroc(weights)}, resamples=300)
        held += result["auroc"].low <= truth <= result["auroc"].high
    assert 0.88 <= held / 200 <= 0.99


@pytest.mark.parametrize("images", [2, 234])
@pytest.mark.parametrize("right", [True, False])
def test_shares_of_0_and_1_have_the_exact_interval(images, right):
    # A hundred patients of the other class must not count.
    labels = np.repeat([1, 0], [images, 100])
    decisions = np.where(labels == 1, int(right), np.arange(images + 100) % 2)
    patients = Patients.of([str(i) for i in range(images + 100)], labels)
    result = estimates(patients, metrics_of(labels, decisions.astype(float), decisions), resamples=100)["sensitivity"]
    exact = stats.binomtest(images if right else 0, images).proportion_ci(0.95, method="exact")
    assert result.value == right
    assert (result.low, result.high) == pytest.approx((exact.low, exact.high))


def test_the_exact_interval_counts_patients_not_images():
    labels = np.repeat([1, 0], [40, 40])
    patients = Patients.of([str(i // 10) for i in range(80)], labels)
    result = estimates(patients, metrics_of(labels, labels.astype(float), labels), resamples=100)
    exact = stats.binomtest(4, 4).proportion_ci(0.95, method="exact")
    assert (result["specificity"].low, result["specificity"].high) == pytest.approx((exact.low, exact.high))


def pair_of_patients(count=10):
    return Patients.of([str(i) for i in range(count)], np.arange(count) % 2)


def test_no_interval_if_all_resamples_agree():
    result = estimate(1.0, np.ones(100), pair_of_patients())
    assert (result.value, result.low, result.high) == (1.0, None, None)
    assert "agree" in result.reason
    # The exact interval is only for shares of 0 and 1.
    result = estimate(0.5, np.full(100, 0.5), pair_of_patients(), trials=5)
    assert (result.value, result.low, result.high) == (0.5, None, None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_undefined_value_has_no_interval(value):
    assert estimate(value, np.linspace(0, 1, 100), pair_of_patients()) == Estimate(
        None, reason="not defined for these images"
    )


@pytest.mark.parametrize("names", [["a", "a", "b", "c"], ["a", "b", "c", "c"], ["a", "a"]])
def test_no_interval_for_one_patient_of_a_class(names):
    labels = np.array([0, 0, 1, 1])[: len(names)]
    result = estimate(0.7, np.linspace(0, 1, 100), Patients.of(names, labels))
    assert (result.value, result.low, result.high) == (0.7, None, None)
    assert "one patient" in result.reason


def test_interval_with_an_absent_class():
    patients = Patients.of(["a", "b", "c"], np.array([1, 1, 1]))
    assert estimate(0.5, np.linspace(0, 1, 101), patients).low == pytest.approx(0.01)


@pytest.mark.parametrize(("undefined", "has_interval"), [(5, True), (6, False), (100, False)])
def test_no_interval_if_often_undefined(undefined, has_interval):
    resampled = np.linspace(0.1, 0.9, 100)
    resampled[:undefined] = np.nan
    result = estimate(0.5, resampled, pair_of_patients())
    assert result.value == 0.5
    assert (result.low is not None) == (result.high is not None) == has_interval
    assert (result.reason is None) == has_interval


def test_infinite_resamples_give_no_upper_bound():
    resampled = np.linspace(1, 2, 1000)
    resampled[-24:] = np.inf
    assert estimate(1.5, resampled, pair_of_patients()).high < 2
    resampled[-30:] = np.inf
    result = estimate(1.5, resampled, pair_of_patients())
    assert result.low == pytest.approx(1.025, abs=0.001)
    assert result.high is None
    assert "no upper bound" in result.reason


@pytest.mark.parametrize(("resamples", "last"), [(2000, 50), (1999, 50), (500, 12), (39, 1), (10, 1)])
def test_interval_cuts_both_ends_equally(resamples, last):
    values = np.random.default_rng(0).permutation(resamples).astype(float)
    result = estimate(0.0, values, pair_of_patients())
    assert (result.low, result.high) == (last - 1, resamples - last)


@given(st.lists(st.floats(-5, 5), min_size=40, max_size=200).filter(lambda values: np.ptp(values) > 1e-6))
def test_interval_contains_95_percent_of_resamples(values):
    result = estimate(0.0, np.array(values), pair_of_patients())
    assert np.mean((result.low <= np.array(values)) & (np.array(values) <= result.high)) >= 0.95
    assert {result.low, result.high} <= set(values)


def test_an_estimate_in_plain_values_has_a_reason_only_where_there_is_one():
    assert Estimate(0.5, 0.4, 0.6).as_dict() == {"value": 0.5, "low": 0.4, "high": 0.6}
    assert Estimate(None, reason="x").as_dict() == {"value": None, "low": None, "high": None, "reason": "x"}
