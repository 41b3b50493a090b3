"""Differences, intervals and p-values against their definitions."""

import json

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import recall_score, roc_auc_score
from tests.compare.conftest import draw, scored_set, shared

from xray.compare.images import LoadedRun, align
from xray.compare.statistics import NO_DIFFERENCE, compare_runs, conclusion, letter, pairs
from xray.evaluation.registry import METRICS as REGISTRY
from xray.evaluation.resampling import Estimate, Patients
from xray.evaluation.summary import summarise

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

METRICS = [name for name, metric in REGISTRY.items() if metric.compared != "never"]
# So that 2.5% of them is no whole number, where rounding would decide.
RESAMPLES = 199


def noisy(count, seed=0, **kinds):
    """Draw labels, patients and scores of some models, each noisier than the one before."""
    labels, patients, logits = draw(seed, **kinds)
    rng = np.random.default_rng(seed + 1)
    return labels, patients, [logits + rng.normal(0, 0.7 * i, len(labels)) for i in range(count)]


def compared(images, metric, resamples=2000):
    """Compare runs; what there is of a metric stands beside the names of runs and pairs."""
    result = compare_runs(images, list(dict.fromkeys([metric, "auroc"])), resamples)
    of_metric = {
        key: [row | row["metrics"][metric] for row in result[key]]
        for key in ("runs", "pairs", "configs", "config_pairs")
    }
    return result | of_metric


def estimate_of(row):
    return {key: row[key] for key in ("value", "low", "high", "reason") if key in row}


def seeds(*configs):
    """Return sources of runs by (learning rate, seed)."""
    return [scored_set(*draw(), seed=seed, model={"lr": rate}).source for rate, seed in configs]


def repeated(weights, *arrays):
    """Return each image as often as it was drawn."""
    times = weights.astype(int)
    return [np.repeat(array, times) for array in arrays]


def brute_force(labels, patients, metric):
    """Return the middle 95% of a metric over the resamples, computed image by image."""
    values = sorted(metric(weights) for chunk in Patients.of(patients, labels).resample(RESAMPLES) for weights in chunk)
    # The smallest value with at least this share of the values at or below it.
    return [values[int(np.ceil(share * len(values) - 1e-9)) - 1] for share in (0.025, 0.975)]


def test_difference_of_auroc_matches_a_brute_force_bootstrap():
    labels, patients, scores = noisy(2)
    result = compared(shared(labels, patients, *scores), "auroc", RESAMPLES)

    def difference(weights):
        y, a, b = repeated(weights, labels, *scores)
        return roc_auc_score(y, a) - roc_auc_score(y, b)

    pair = result["pairs"][0]
    assert pair["difference"] == pytest.approx(difference(np.ones(len(labels))))
    assert [pair["low"], pair["high"]] == pytest.approx(brute_force(labels, patients, difference))


def test_difference_of_sensitivity_matches_a_brute_force_bootstrap():
    labels, patients, scores = noisy(2)
    images = shared(labels, patients, *scores, thresholds=[0.3, 1.1])
    result = compared(images, "sensitivity", RESAMPLES)

    def difference(weights):
        y, a, b = repeated(weights, labels, *(run.decisions for run in images.runs))
        return recall_score(y, a) - recall_score(y, b)

    pair = result["pairs"][0]
    assert pair["difference"] == pytest.approx(difference(np.ones(len(labels))))
    assert [pair["low"], pair["high"]] == pytest.approx(brute_force(labels, patients, difference))
    assert "delong_p" not in result["pairs"][0]


def test_means_over_seeds_match_a_brute_force_bootstrap():
    labels, patients, scores = noisy(5)
    images = shared(labels, patients, *scores, sources=seeds((0.1, 1), (0.2, 1), (0.1, 2), (0.1, 3), (0.2, 2)))
    result = compared(images, "auroc", RESAMPLES)
    areas = np.array([roc_auc_score(labels, s) for s in scores])
    first, second = areas[[0, 2, 3]], areas[[1, 4]]
    for config, values, runs in zip(result["configs"], (first, second), ("A C D", "B E"), strict=True):
        assert config["runs"] == runs
        expected = {
            "n": len(values), "mean": values.mean(), "sd": values.std(ddof=1), "low": values.min(), "high": values.max()
        }  # fmt: skip
        assert config["over_seeds"] == pytest.approx(expected)
        assert config["value"] == pytest.approx(values.mean())

    def difference(weights):
        y, *drawn = repeated(weights, labels, *scores)
        areas = np.array([roc_auc_score(y, s) for s in drawn])
        return areas[[0, 2, 3]].mean() - areas[[1, 4]].mean()

    (pair,) = result["config_pairs"]
    assert (pair["first"], pair["second"]) == ("A C D", "B E")
    assert pair["difference"] == pytest.approx(first.mean() - second.mean())
    interval = [pair["low"], pair["high"]]
    assert interval == pytest.approx(brute_force(labels, patients, difference))
    assert pair["sd_over_seeds"] == pytest.approx(np.sqrt(first.var(ddof=1) + second.var(ddof=1)))


def test_compares_one_seed_with_the_mean_over_seeds():
    labels, patients, scores = noisy(4)
    images = shared(labels, patients, *scores, sources=seeds((0.1, 1), (0.1, 2), (0.2, 1), (0.3, 1)))
    result = compared(images, "auroc", RESAMPLES)
    assert [config["over_seeds"]["n"] for config in result["configs"]] == [2, 1, 1]
    # C and D are already compared as runs.
    assert [(pair["first"], pair["second"]) for pair in result["config_pairs"]] == [("A B", "C"), ("A B", "D")]
    assert {pair["sd_over_seeds"] for pair in result["config_pairs"]} == {None}


def test_no_summary_of_seeds_with_one_seed_per_config():
    labels, patients, scores = noisy(2)
    result = compared(shared(labels, patients, *scores, sources=seeds((0.1, 1), (0.2, 1))), "auroc", RESAMPLES)
    assert (result["configs"], result["config_pairs"]) == ([], [])


def test_repeated_seed_is_left_out_with_a_note():
    labels, patients, scores = noisy(3)
    images = shared(labels, patients, *scores, sources=seeds((0.1, 1), (0.1, 2), (0.1, 1)))
    result = compared(images, "auroc", RESAMPLES)
    assert [config["runs"] for config in result["configs"]] == ["A B"]
    assert result["notes"][0].startswith("C repeats the config and seed")


@pytest.mark.parametrize("metric", METRICS)
def test_metric_and_interval_are_those_of_the_report(metric):
    labels, patients, scores = noisy(2)
    runs = [scored_set(labels, patients, s, threshold=0.6) for s in scores]
    result = compared(align([LoadedRun(str(i), i, run) for i, run in enumerate(runs)]), metric)
    for run, row in zip(runs, result["runs"], strict=True):
        assert estimate_of(row) == pytest.approx(summarise(run)["metrics"][metric])


@pytest.mark.parametrize("metric", ["sensitivity", "specificity"])
def test_share_without_errors_has_the_exact_interval_of_the_report(metric):
    labels, patients, _ = draw(images=40, patients=11)
    run = scored_set(labels, patients, np.where(labels == 1, 2.0, -2.0))
    result = compared(align([LoadedRun("A", "A", run), LoadedRun("B", "B", run)]), metric)
    assert estimate_of(result["runs"][0]) == pytest.approx(summarise(run)["metrics"][metric])
    trials = {"sensitivity": 5, "specificity": 6}[metric]
    assert result["runs"][0]["low"] == pytest.approx(0.025 ** (1 / trials))


def test_intervals_of_differences_have_nominal_coverage():
    rng = np.random.default_rng(5)
    # Two binormal models that share half of their noise; the distance of the means determines the AUROC.
    distances = np.array([1.6, 1.0])
    areas = norm.cdf(distances / np.sqrt(2))
    covered = []
    for _ in range(150):
        labels = np.repeat([0, 1], 40)
        shared_noise = rng.normal(0, np.sqrt(0.5), 80)
        scores = [d * labels + shared_noise + rng.normal(0, np.sqrt(0.5), 80) for d in distances]
        images = shared(labels, [str(i) for i in range(80)], *scores)
        pair = compared(images, "auroc", RESAMPLES)["pairs"][0]
        covered.append(pair["low"] <= areas[0] - areas[1] <= pair["high"])
    assert 0.89 <= np.mean(covered) <= 0.99


def test_correlated_images_widen_the_interval():
    rng = np.random.default_rng(2)
    labels, first, second = np.repeat([0, 1], 20), rng.normal(0, 1, 40), rng.normal(0, 1, 40)
    columns = [np.repeat(column, 5) for column in (labels, first + labels, second + labels)]
    widths = []
    for patients in (np.repeat(np.arange(40), 5), np.arange(200)):
        result = compared(shared(columns[0], map(str, patients), *columns[1:]), "auroc", RESAMPLES)
        pair = result["pairs"][0]
        widths.append(pair["high"] - pair["low"])
    assert widths[0] > 1.7 * widths[1]


def test_p_value_is_delongs():
    labels, patients, (a, b, c) = noisy(3)
    result = compared(shared(labels, patients, a, b, c), "auroc", RESAMPLES)
    for pair, (first, second) in zip(result["pairs"], [(a, b), (a, c), (b, c)], strict=True):
        parts = []
        for s in (first, second):
            positive, negative = s[labels == 1][:, None], s[labels == 0][None]
            won = (positive > negative) + 0.5 * (positive == negative)
            parts.append((won.mean(axis=1), won.mean(axis=0), won.mean()))
        variance = sum(np.var(parts[0][k] - parts[1][k], ddof=1) / len(parts[0][k]) for k in (0, 1))
        z = (parts[0][2] - parts[1][2]) / np.sqrt(variance)
        assert pair["delong_p"] == pytest.approx(2 * norm.sf(abs(z)))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (2, [(0, 1)]),
        (3, [(0, 1), (0, 2), (1, 2)]),
        (6, [(i, j) for i in range(6) for j in range(i + 1, 6)]),
        (7, [(0, i) for i in range(1, 7)]),
    ],
)
def test_more_than_six_runs_are_compared_with_the_first(count, expected):
    assert pairs(count) == expected


def test_letters_do_not_repeat():
    assert [letter(i) for i in (0, 1, 25, 26, 27, 52)] == ["A", "B", "Z", "A1", "B1", "A2"]
    assert len({letter(i) for i in range(500)}) == 500


@pytest.mark.parametrize(
    ("difference", "metric", "expected"),
    [
        (Estimate(0.1, 0.05, 0.2), "auroc", "A better"),
        (Estimate(-0.1, -0.2, -0.05), "f1", "B better"),
        (Estimate(-0.1, -0.2, -0.05), "brier", "A better"),
        (Estimate(0.1, 0.05, 0.2), "sensitivity", "A higher"),
        (Estimate(0.1, -0.01, 0.2), "auroc", NO_DIFFERENCE),
        (Estimate(0.1, 0.0, 0.2), "auroc", NO_DIFFERENCE),
        (Estimate(-0.1, -0.2, 0.0), "auroc", NO_DIFFERENCE),
        (Estimate(0.0, reason="no resample differs"), "auroc", NO_DIFFERENCE),
        (Estimate(0.1, reason="one patient"), "auroc", "no interval: one patient"),
        (Estimate(None, reason="not defined for these images"), "auroc", "not defined for these images"),
    ],
)
def test_conclusion_follows_the_interval(difference, metric, expected):
    assert conclusion(difference, "A", "B", metric) == expected


def test_another_threshold_is_not_a_better_model():
    labels, patients, logits = draw(images=200, patients=100)
    images = shared(labels, patients, logits, logits, thresholds=[0.0, 1.5])
    pair = compare_runs(images, ["auroc", "sensitivity", "specificity", "brier"])["pairs"][0]["metrics"]
    by_threshold = "at its threshold; the ranking (AUROC) shows no difference"
    assert pair["sensitivity"]["conclusion"] == f"A higher, {by_threshold}"
    assert pair["specificity"]["conclusion"] == f"B higher, {by_threshold}"
    assert pair["brier"]["conclusion"] == NO_DIFFERENCE
    better = compare_runs(shared(labels, patients, logits + 2 * labels, logits), ["auroc", "sensitivity"])
    assert better["pairs"][0]["metrics"]["sensitivity"]["conclusion"] == "A higher"


def test_reports_clear_differences_only():
    labels, patients, logits = draw(images=200, patients=100)
    rng = np.random.default_rng(0)
    result = compared(shared(labels, patients, logits, -logits, logits + rng.normal(0, 0.01, 200)), "auroc")
    predictions = {(pair["first"], pair["second"]): pair["conclusion"] for pair in result["pairs"]}
    assert predictions == {("A", "B"): "A better", ("A", "C"): NO_DIFFERENCE, ("B", "C"): "C better"}
    assert [pair["excludes_zero"] for pair in result["pairs"]] == [True, False, True]


@pytest.mark.parametrize("metric", METRICS)
def test_equal_runs_show_no_difference(metric):
    labels, patients, logits = draw()
    pair = compared(shared(labels, patients, logits, logits), metric, RESAMPLES)["pairs"][0]
    assert (pair["difference"], pair["low"], pair["high"], pair["reason"]) == (0, None, None, "no resample differs")
    assert (pair["conclusion"], pair["excludes_zero"]) == (NO_DIFFERENCE, None)
    assert pair.get("delong_p", 1) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("label", [0, 1])
def test_undefined_metrics_of_one_class(metric, label):
    labels, patients, scores = noisy(2)
    kept = labels == label
    images = shared(labels[kept], np.array(patients)[kept], *(s[kept] for s in scores), sources=seeds((1, 1), (1, 2)))
    result = compared(images, metric, RESAMPLES)
    json.dumps(result, allow_nan=False)
    undefined = {
        "auroc",
        "balanced_accuracy",
        "mcc",
        *(["specificity"] if label else ["sensitivity", "average_precision"]),
    }
    assert (result["runs"][0]["value"] is None) == (metric in undefined)
    assert (result["pairs"][0]["difference"] is None) == (metric in undefined)
    if metric == "auroc":
        assert result["pairs"][0]["conclusion"] == "not defined for these images"
        assert result["pairs"][0]["delong_p"] is None
        assert result["configs"][0]["over_seeds"]["mean"] is None


@pytest.mark.parametrize("metric", METRICS)
def test_no_interval_for_one_patient_per_class(metric):
    labels, _, scores = noisy(2)
    result = compared(shared(labels, [f"p{label}" for label in labels], *scores), metric, RESAMPLES)
    json.dumps(result, allow_nan=False)
    pair = result["pairs"][0]
    assert pair["low"] is None
    assert pair["excludes_zero"] is None
    assert "only one patient" in pair["conclusion"] or pair["difference"] == 0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("label", [0, 1])
def test_single_image(metric, label):
    result = compared(shared([label], ["p"], [1.0], [-1.0]), metric, RESAMPLES)
    json.dumps(result, allow_nan=False)
    assert result["pairs"][0]["low"] is None


def test_counts_images_and_patients():
    labels, patients, scores = noisy(2)
    result = compared(shared(labels, patients, *scores), "f1", RESAMPLES)
    assert (result["images"], result["patients"]) == (60, 25)
    assert result["images_by_class"] == {"NORMAL": (labels == 0).sum(), "PNEUMONIA": (labels == 1).sum()}
    assert result["patients_by_class"] == {"NORMAL": 13, "PNEUMONIA": 12}
