"""The bootstrap over patients: what it draws, and whether its intervals are what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xray.evaluation import resampling
from xray.evaluation.metrics import Confusion
from xray.evaluation.ranking import Ranking
from xray.evaluation.resampling import Estimate, Patients, bootstrap, estimate, estimates

# Undefined figures are no reason to warn.
pytestmark = pytest.mark.filterwarnings("error")

# (patient, label) of each image; patients may have images of both classes.
IMAGES = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 1)), min_size=1, max_size=30)


def take_apart(images):
    return [patient for patient, _ in images], np.array([label for _, label in images], dtype=np.int64)


def drawn(patients, resamples=50, seed=0):
    return np.concatenate(list(patients.resample(resamples, seed)))


def kinds_of(names, labels):
    """Patients by the classes that their images have."""
    kinds = {}
    for name in sorted(set(names)):
        kind = frozenset(label for other, label in zip(names, labels, strict=True) if other == name)
        kinds.setdefault(kind, []).append(name)
    return kinds


@given(IMAGES, st.integers(0, 5))
def test_whole_patients_are_drawn_as_many_of_each_kind_as_there_are(images, seed):
    names, labels = take_apart(images)
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
def test_patients_are_counted_by_class(images):
    names, labels = take_apart(images)
    expected = tuple(len({name for name, label in images if label == of}) for of in (0, 1))
    patients = Patients.of(names, labels)
    assert patients.of_class == expected
    assert sorted(map(len, patients.strata)) == sorted(map(len, kinds_of(names, labels).values()))


def test_each_patient_of_a_kind_is_drawn_equally_often_and_independently():
    names, labels = [str(i) for i in range(20)], np.repeat([0, 1], [12, 8])
    weights = drawn(Patients.of(names, labels), resamples=20_000)
    # A count of 12 draws among 12 has mean 1 and variance 1 - 1/12.
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=5 * np.sqrt(1 / 20_000))
    np.testing.assert_allclose(weights[:, :12].var(axis=0), 1 - 1 / 12, rtol=0.05)
    # Kinds are drawn apart from one another.
    between = np.corrcoef(weights.T)[:12, 12:]
    assert np.abs(between).max() < 5 / np.sqrt(20_000)


def test_a_seed_draws_the_same_and_another_seed_something_else():
    patients = Patients.of(list("aabbccddeeff"), np.repeat([0, 1], 6))
    np.testing.assert_array_equal(drawn(patients, seed=3), drawn(patients, seed=3))
    assert (drawn(patients, seed=3) != drawn(patients, seed=4)).any()


@pytest.mark.parametrize("size", [1, 1000, 5000, 10**9])
def test_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch, size):
    names = ["n0", "n1", "n1", "n2", "p0", "p1", "p1", "p2", "p3", "x0", "x0", "x1", "x1"]
    patients = Patients.of(names, np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1]))
    expected = drawn(patients, resamples=77)
    monkeypatch.setattr(resampling, "CHUNK_BYTES", size)
    np.testing.assert_array_equal(drawn(patients, resamples=77), expected)


def test_memory_does_not_grow_with_the_number_of_resamples():
    patients = Patients.of([str(i) for i in range(5000)], np.arange(5000) % 2)
    chunks = list(patients.resample(300))
    assert sum(map(len, chunks)) == 300
    assert max(chunk.nbytes for chunk in chunks) <= resampling.CHUNK_BYTES


def test_figures_of_all_resamples_come_in_order():
    patients = Patients.of([str(i) for i in range(4000)], np.arange(4000) % 2)
    found = bootstrap(patients, lambda weights: {"first": weights[:, 0]}, resamples=200, seed=1)
    np.testing.assert_array_equal(found["first"], drawn(patients, 200, seed=1)[:, 0])


def test_no_images_are_drawn_from_none():
    patients = Patients.of([], np.array([], dtype=np.int64))
    assert patients.of_class == (0, 0)
    assert drawn(patients).shape == (50, 0)


def figures_of(labels, scores, decisions):
    ranking = Ranking.of(labels, scores)

    def figures(weights):
        counts = Confusion.of(labels, decisions, weights)
        return {
            "auroc": ranking.auroc(weights),
            "accuracy": counts.accuracy,
            "sensitivity": counts.sensitivity,
            "specificity": counts.specificity,
        }

    return figures


@pytest.fixture
def overlapping():
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], [60, 90])
    scores = rng.normal(labels, 1.0)
    return labels, scores, (scores > 0.5).astype(np.int64)


def test_intervals_are_those_of_scipy_where_every_image_is_a_patient(overlapping):
    labels, scores, decisions = overlapping
    patients = Patients.of([str(i) for i in range(150)], labels)
    found = estimates(patients, figures_of(*overlapping), resamples=20_000)

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
    assert [found["auroc"].low, found["auroc"].high] == pytest.approx(list(expected), abs=0.05 * width)
    expected = interval((decisions[labels == 1],), np.mean)
    # A share of 90 images moves in steps.
    assert [found["sensitivity"].low, found["sensitivity"].high] == pytest.approx(list(expected), abs=1 / 90 + 1e-9)
    assert found["sensitivity"].value == decisions[labels == 1].mean()


def test_images_of_a_patient_that_agree_widen_the_interval():
    rng = np.random.default_rng(2)
    number = np.repeat(np.arange(60), 8)
    labels = number % 2
    own = rng.normal(np.arange(60) % 2, 1.0)
    scores = own[number] + 0.1 * rng.normal(size=480)
    figures = figures_of(labels, scores, (scores > 0.5).astype(np.int64))
    clustered = estimates(Patients.of([str(i) for i in number], labels), figures)
    apart = estimates(Patients.of([str(i) for i in range(480)], labels), figures)
    for name in ("auroc", "sensitivity", "specificity", "accuracy"):
        assert clustered[name].value == apart[name].value
        ratio = (clustered[name].high - clustered[name].low) / (apart[name].high - apart[name].low)
        # Eight images that say nearly the same are worth one: the interval is nearly root 8 times as wide.
        assert 2.2 < ratio < 3.3


def test_intervals_hold_the_truth_about_as_often_as_they_say():
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
        found = estimates(patients, lambda weights, ranking=ranking: {"auroc": ranking.auroc(weights)}, resamples=300)
        held += found["auroc"].low <= truth <= found["auroc"].high
    assert 0.88 <= held / 200 <= 0.99


@pytest.mark.parametrize("images", [2, 3, 10, 234])
@pytest.mark.parametrize("right", [True, False])
def test_a_share_of_all_or_none_has_the_exact_interval(images, right):
    # A hundred patients of the other class must not count.
    labels = np.repeat([1, 0], [images, 100])
    decisions = np.where(labels == 1, int(right), np.arange(images + 100) % 2)
    patients = Patients.of([str(i) for i in range(images + 100)], labels)
    found = estimates(patients, figures_of(labels, decisions.astype(float), decisions), resamples=100)["sensitivity"]
    exact = stats.binomtest(images if right else 0, images).proportion_ci(0.95, method="exact")
    assert found.value == right
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_the_exact_interval_counts_patients_not_images():
    labels = np.repeat([1, 0], [40, 40])
    patients = Patients.of([str(i // 10) for i in range(80)], labels)
    found = estimates(patients, figures_of(labels, labels.astype(float), labels), resamples=100)
    exact = stats.binomtest(4, 4).proportion_ci(0.95, method="exact")
    assert (found["specificity"].low, found["specificity"].high) == pytest.approx((exact.low, exact.high))


def pair_of_patients(count=10):
    return Patients.of([str(i) for i in range(count)], np.arange(count) % 2)


def test_resamples_that_all_agree_have_no_interval_of_no_width():
    found = estimate(1.0, np.ones(100), pair_of_patients())
    assert (found.value, found.low, found.high) == (1.0, None, None)
    assert "agree" in found.reason
    # Nor has a share that is neither all nor none.
    found = estimate(0.5, np.full(100, 0.5), pair_of_patients(), trials=5)
    assert (found.value, found.low, found.high) == (0.5, None, None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_has_neither_value_nor_interval(value):
    assert estimate(value, np.linspace(0, 1, 100), pair_of_patients()) == Estimate(
        None, reason="not defined for these images"
    )


@pytest.mark.parametrize("names", [["a", "a", "b", "c"], ["a", "b", "c", "c"], ["a", "a"]])
def test_one_patient_of_a_class_has_no_interval(names):
    labels = np.array([0, 0, 1, 1])[: len(names)]
    found = estimate(0.7, np.linspace(0, 1, 100), Patients.of(names, labels))
    assert (found.value, found.low, found.high) == (0.7, None, None)
    assert "one patient" in found.reason


def test_a_class_without_patients_does_not_count_as_one():
    patients = Patients.of(["a", "b", "c"], np.array([1, 1, 1]))
    assert estimate(0.5, np.linspace(0, 1, 101), patients).low == pytest.approx(0.01)


@pytest.mark.parametrize(("undefined", "has_interval"), [(5, True), (6, False), (100, False)])
def test_a_figure_that_many_resamples_leave_undefined_has_no_interval(undefined, has_interval):
    resampled = np.linspace(0.1, 0.9, 100)
    resampled[:undefined] = np.nan
    found = estimate(0.5, resampled, pair_of_patients())
    assert found.value == 0.5
    assert (found.low is not None) == (found.high is not None) == has_interval
    assert (found.reason is None) == has_interval


def test_infinite_resamples_leave_the_interval_open_above():
    resampled = np.linspace(1, 2, 1000)
    resampled[-24:] = np.inf
    assert estimate(1.5, resampled, pair_of_patients()).high < 2
    resampled[-30:] = np.inf
    found = estimate(1.5, resampled, pair_of_patients())
    assert found.low == pytest.approx(1.025, abs=0.001)
    assert found.high is None
    assert "no upper bound" in found.reason


@pytest.mark.parametrize(("resamples", "last"), [(2000, 50), (1999, 50), (500, 12), (39, 1), (10, 1)])
def test_intervals_leave_out_as_many_resamples_below_as_above(resamples, last):
    values = np.random.default_rng(0).permutation(resamples).astype(float)
    found = estimate(0.0, values, pair_of_patients())
    assert (found.low, found.high) == (last - 1, resamples - last)


@given(st.lists(st.floats(-5, 5), min_size=40, max_size=200).filter(lambda values: np.ptp(values) > 1e-6))
def test_intervals_hold_95_of_100_resamples_and_end_at_two_of_them(values):
    found = estimate(0.0, np.array(values), pair_of_patients())
    assert np.mean((found.low <= np.array(values)) & (np.array(values) <= found.high)) >= 0.95
    assert {found.low, found.high} <= set(values)


def test_an_estimate_in_plain_values_has_a_reason_only_where_there_is_one():
    assert Estimate(0.5, 0.4, 0.6).as_dict() == {"value": 0.5, "low": 0.4, "high": 0.6}
    assert Estimate(None, reason="x").as_dict() == {"value": None, "low": None, "high": None, "reason": "x"}
