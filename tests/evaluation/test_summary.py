"""Every number of the summary, recomputed from the predictions table in other ways."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from xray.evaluation.predictions import Predictions
from xray.evaluation.resampling import Patients
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.summary import summarise

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

CLASSES = ["NORMAL", "PNEUMONIA"]
TEMPERATURE, THRESHOLD = 1.6, 0.45


def scored_set(labels, patients, logits, paths=None, temperature=TEMPERATURE, threshold=THRESHOLD, **parts):
    labels, logits = np.asarray(labels, dtype=np.int64), np.asarray(logits, dtype=np.float64)
    probability = expit(logits / temperature)
    table = Predictions(
        paths or [f"{i}.png" for i in range(len(labels))],
        list(patients),
        [CLASSES[label] for label in labels],
        logits,
        probability,
        [CLASSES[int(p >= threshold)] for p in probability],
    )
    return ScoredSet(table, {"class_names": CLASSES, "temperature": temperature, "threshold": threshold}, **parts)


def overlapping():
    """Return images of 30 patients, one of them with images of both classes, with all optional tables."""
    rng = np.random.default_rng(12)
    number = np.concatenate([np.arange(30), rng.integers(0, 30, 60)])
    labels = (number % 3 > 0).astype(np.int64)
    labels[np.flatnonzero(number == 4)[:1]] = 0
    logits = np.round(rng.normal(3 * labels - 1.5, 2.0) + rng.normal(0, 1, 30)[number], 1)
    causes, series = ("bacteria", "virus"), ("IM", "NORMAL2-IM")
    paths = [
        f"person{n}_{causes[n % 2]}_{i}.jpeg" if label else f"{series[n % 2]}-{n:04d}-{i}.jpeg"
        for i, (n, label) in enumerate(zip(number, labels, strict=True))
    ]
    return scored_set(
        labels,
        [f"p{n}" for n in number],
        logits,
        paths,
        images={"width": [str(100 + i) for i in range(90)], "height": ["10"] * 90},
        ablations={name: rng.normal(labels / 2, 1.0) for name in ("shape", "border_only")},
        ood_scores={name: rng.gamma(2.0, 0.3, 90) for name in ("outlines", "tone")},
        robustness={f"blur_{strength}": logits + rng.normal(0, strength, 90) for strength in (1, 2)},
        duplicates=[{"first": paths[0], "second": paths[1], "similarity": 0.99}],
    )


class Images:
    """Reference metrics of some images: first of the whole table, then of each resample of patients."""

    def __init__(self, table, inside, resamples=2000):
        self.labels = np.array([CLASSES.index(label) for label in table.label])[inside]
        self.decisions = np.array([CLASSES.index(decision) for decision in table.decision])[inside]
        self.patients = np.array(table.patient)[inside]
        drawn = np.concatenate(list(Patients.of(self.patients.tolist(), self.labels).resample(resamples)))
        self.rows = np.vstack([np.ones(len(self.labels)), drawn])

    def auroc(self, scores):
        positive, negative = self.labels == 1, self.labels == 0
        difference = scores[positive][:, None] - scores[negative]
        right = np.where(difference > 0, 1.0, np.where(difference == 0, 0.5, 0.0))
        p, n = self.rows[:, positive], self.rows[:, negative]
        return np.einsum("rp,pn,rn->r", p, right, n, optimize=True) / p.sum(axis=1) / n.sum(axis=1)

    def average_precision(self, scores):
        return np.array([sk.average_precision_score(self.labels, scores, sample_weight=row) for row in self.rows])

    def decision_metrics(self, decisions):
        def count(label, decision):
            return self.rows[:, (self.labels == label) & (decisions == decision)].sum(axis=1)

        tp, fp, fn, tn = count(1, 1), count(0, 1), count(1, 0), count(0, 0)
        result, left = tp / (tp + fn), tn / (tn + fp)
        with np.errstate(divide="ignore"):
            ratios = result / (1 - left), (1 - result) / left
        metrics = {
            "sensitivity": result,
            "specificity": left,
            "balanced_accuracy": (result + left) / 2,
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "f1": tp / (tp + (fp + fn) / 2),
            "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
            "positive_likelihood_ratio": ratios[0],
            "negative_likelihood_ratio": ratios[1],
        }
        for prevalence in (0.01, 0.05, 0.1, 0.2, 0.5):
            ill, well = 1e6 * prevalence, 1e6 * (1 - prevalence)
            metrics[f"ppv_at_{prevalence:g}"] = result * ill / (result * ill + (1 - left) * well)
            metrics[f"npv_at_{prevalence:g}"] = left * well / (left * well + (1 - result) * ill)
        return metrics

    def calibration(self, logits):
        p = expit(logits)
        # Bisection for the intercept, and plain reweighted least squares for the slope.
        low, high = np.full((2, len(self.rows)), [[-20.0], [20.0]])
        for _ in range(60):
            middle = (low + high) / 2
            more = (self.rows * (self.labels - expit(logits + middle[:, None]))).sum(axis=1) > 0
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        columns = np.stack([np.ones_like(logits), logits], axis=1)
        line = np.zeros((len(self.rows), 2))
        for _ in range(40):
            now = expit(line @ columns.T)
            hessian = np.einsum("rf,fi,fj->rij", self.rows * now * (1 - now), columns, columns)
            gradient = (self.rows * (self.labels - now)) @ columns
            line += np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        return {
            "brier": self.rows @ (p - self.labels) ** 2 / self.rows.sum(axis=1),
            "calibration_slope": line[:, 1],
            "calibration_intercept": (low + high) / 2,
        }


def estimate(values):
    """Return the metric with the 50th of 2,000 resamples from each end, or the 12th of 500."""
    last = {2000: 50, 500: 12}[len(values) - 1]
    low, high = sorted(values[1:])[last - 1], sorted(values[1:], reverse=True)[last - 1]
    return {"value": values[0], "low": low, "high": high}


def estimates(metrics):
    return {name: estimate(values) for name, values in metrics.items()}


def error_of_calibration(labels, probability):
    where = np.digitize(probability, np.linspace(0, 1, 11)[1:-1])
    return sum(abs(np.sum((labels - probability)[where == b])) for b in range(10)) / len(labels)


def diagram(labels, probability):
    where = np.digitize(probability, np.linspace(0, 1, 11)[1:-1])
    return [
        {
            "low": b / 10,
            "high": (b + 1) / 10,
            "images": (where == b).sum(),
            "probability": probability[where == b].mean(),
            "observed": labels[where == b].mean(),
        }
        for b in sorted(set(where))
    ]


def delong(labels, scores):
    positive, negative = scores[labels == 1], scores[labels == 0]
    psi = (np.sign(positive[:, None] - negative) + 1) / 2
    variance = psi.mean(axis=1).var(ddof=1) / len(positive) + psi.mean(axis=0).var(ddof=1) / len(negative)
    low, high = stats.norm.interval(0.95, psi.mean(), np.sqrt(variance))
    return {"value": psi.mean(), "low": low, "high": min(high, 1.0)}


def members(paths, pixels):
    """Return the images of each subgroup in the order of the summary."""
    names = np.array(paths)
    pneumonia = np.char.startswith(names, "person")
    thirds = np.argsort(np.argsort(pixels)) // (len(pixels) // 3)
    return [
        ~pneumonia | (np.char.find(names, "_bacteria_") > 0),
        ~pneumonia | (np.char.find(names, "_virus_") > 0),
        pneumonia | np.char.startswith(names, "IM-"),
        pneumonia | np.char.startswith(names, "NORMAL2-IM-"),
        *(thirds == i for i in range(3)),
    ]


def expected(whole):
    table = whole.table
    everything = np.ones(len(table), dtype=bool)
    images, few = Images(table, everything), Images(table, everything, resamples=500)
    labels, logits, decisions = images.labels, table.logit, images.decisions
    calibration = {
        when: estimates(images.calibration(scaled))
        | {"ece": {"value": error_of_calibration(labels, expit(scaled)), "low": None, "high": None}}
        for when, scaled in (("before", logits), ("after", logits / TEMPERATURE))
    }
    area = images.auroc(logits)
    ranking = {"auroc": area, "average_precision": images.average_precision(logits)}
    tn, fp, fn, tp = sk.confusion_matrix(labels, decisions).ravel()

    def by_class(inside):
        return (
            {name: sum(labels[inside] == i) for i, name in enumerate(CLASSES)},
            {name: len(set(images.patients[inside & (labels == i)])) for i, name in enumerate(CLASSES)},
        )

    def subgroup(inside):
        some = Images(table, inside)
        counted = some.decision_metrics(some.decisions)
        shares = {name: counted[name] for name in ("sensitivity", "specificity")}
        image_counts, patient_counts = by_class(inside)
        return {"images_by_class": image_counts, "patients_by_class": patient_counts} | estimates(
            {"auroc": some.auroc(logits[inside]), **shares}
        )

    def point(strength, changed):
        counted = few.decision_metrics(expit(changed / TEMPERATURE) >= THRESHOLD)
        shares = {name: counted[name] for name in ("sensitivity", "specificity")}
        return {"strength": strength} | estimates({"auroc": few.auroc(changed), **shares})

    ablations = {name: images.auroc(whole.ablations[name]) for name in ("shape", "border_only")}
    rejected = np.maximum(*whole.ood_scores.values()) > 1
    pixels = np.array([10 * int(width) for width in whole.images["width"]])
    image_counts, patient_counts = by_class(everything)
    return {
        "images": 90,
        "patients": 30,
        "images_by_class": image_counts,
        "patients_by_class": patient_counts,
        "prevalence": sum(labels) / 90,
        "threshold": THRESHOLD,
        "temperature": TEMPERATURE,
        "offset": 0.0,
        "metrics": estimates(ranking | images.decision_metrics(decisions)) | calibration["after"],
        "auroc_delong": delong(labels, logits),
        "before_scaling": calibration["before"],
        "confusion_matrix": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
        "reliability": {
            "bins": 10,
            "before": diagram(labels, expit(logits)),
            "after": diagram(labels, expit(logits / TEMPERATURE)),
        },
        "subgroups": [subgroup(inside) for inside in (*members(table.path, pixels), ~rejected)],
        "rejections": {
            "rejected": sum(rejected),
            "share": estimate(images.rows @ rejected / images.rows.sum(axis=1)),
            "rejected_by_class": {name: sum(rejected & (labels == i)) for i, name in enumerate(CLASSES)},
            "rejected_by_distance": {name: sum(values > 1) for name, values in whole.ood_scores.items()},
        },
        "shortcuts": {
            "ablations": [
                {"auroc": estimate(other), "auroc_difference": estimate(area - other)} for other in ablations.values()
            ]
        },
        "robustness": {
            "blur": [point(0, logits), *(point(i, whole.robustness[f"blur_{i}"]) for i in (1, 2))],
        },
        "duplicates": [{"similarity": 0.99}],
        "method": {
            "level": 0.95,
            "resamples": 2000,
            "prevalences": [0.01, 0.05, 0.1, 0.2, 0.5],
        },
        "source": {"temperature": TEMPERATURE, "threshold": THRESHOLD},
    }


def numbers(value, path=""):
    """Return all values that are not text, by path."""
    if isinstance(value, str):
        return {}
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {where: leaf for key, inner in items for where, leaf in numbers(inner, f"{path}/{key}").items()}
    return {path: value}


def test_every_number_matches_the_oracle():
    whole = overlapping()
    result, right = numbers(summarise(whole)), numbers(expected(whole))
    assert result.keys() == right.keys()
    wrong = {
        path: (value, right[path])
        for path, value in result.items()
        if not (value is right[path] is None or value == pytest.approx(right[path], rel=1e-5, abs=1e-6))
    }
    assert wrong == {}
    # Guard against comparing only undefined metrics.
    assert {path for path, value in result.items() if value is None} == {
        f"/{part}/ece/{end}" for part in ("metrics", "before_scaling") for end in ("low", "high")
    }


def test_oracle_slope_matches_scikit_learn():
    whole = overlapping()
    images = Images(whole.table, np.ones(90, dtype=bool), resamples=20)
    for row, slope in zip(images.rows, images.calibration(whole.table.logit)["calibration_slope"], strict=True):
        model = LogisticRegression(C=np.inf, tol=1e-10).fit(whole.table.logit[:, None], images.labels, row)
        assert slope == pytest.approx(model.coef_[0, 0], rel=1e-4)


def test_summary_is_independent_of_row_order():
    whole = overlapping()
    first = summarise(whole)
    assert summarise(whole) == first
    order = np.random.default_rng(0).permutation(90)
    table = whole.table
    words = {key: [getattr(table, key)[i] for i in order] for key in ("path", "patient", "label", "decision")}
    shuffled = replace(table, logit=table.logit[order], probability=table.probability[order], **words)
    again = summarise(ScoredSet(shuffled, whole.source))
    # Patients are drawn by their names, so that even the resamples are the same.
    for name, metric in first["metrics"].items():
        for key in ("value", "low", "high"):
            value = again["metrics"][name][key]
            assert value is metric[key] is None or value == pytest.approx(metric[key], rel=1e-5, abs=1e-6)


EDGE_CASES = {
    "one class, normal": ([0, 0, 0, 0], "abcd", [-1.0, 0.5, 2.0, -3.0]),
    "one class, pneumonia": ([1, 1, 1, 1], "abcd", [-1.0, 0.5, 2.0, -3.0]),
    "one image": ([1], "a", [0.3]),
    "one image, certain": ([0], "a", [90.0]),
    "one patient": ([0, 1, 0, 1], "aaaa", [-1.0, 0.5, 2.0, -3.0]),
    "one patient of a class": ([0, 0, 1, 1], "aabc", [-1.0, 0.5, 2.0, -3.0]),
    "two images": ([0, 1], "ab", [-1.0, 1.0]),
    "ties everywhere": ([0, 1, 0, 1, 1], "abcde", [0.5] * 5),
    "all logits zero": ([0, 1, 0, 1, 1], "abcde", [0.0] * 5),
    "all predicted positive": ([0, 1, 0, 1, 1, 0], "abcdef", [1.0, 5.0, 2.0, 3.0, 2.5, 4.0]),
    "all predicted negative": ([0, 1, 0, 1, 1, 0], "abcdef", [-1.0, -5.0, -2.0, -3.0, -2.5, -4.0]),
    "separated": ([0, 0, 0, 1, 1, 1], "abcdef", [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0]),
    "separated and overconfident": ([0, 0, 0, 1, 1, 1], "abcdef", [-900.0, -800.0, -1e4, 900.0, 1e5, 800.0]),
    "all wrong": ([0, 0, 0, 1, 1, 1], "abcdef", [3.0, 2.0, 1.0, -1.0, -2.0, -3.0]),
    "wrong and overconfident": ([0, 0, 0, 1, 1, 1], "abcdef", [900.0, -800.0, -1e4, 900.0, 1e5, -800.0]),
    "float32 limits": ([0, 1, 0, 1], "abcd", [3.4e38, -3.4e38, -1.0, 1.0]),
    "one error": ([0, 0, 0, 0, 1, 1, 1, 1], "abcdefgh", [-3, -2, -1, 2.0, 1, 2.5, 3, 4]),
    "every patient has both classes": ([0, 1, 0, 1, 0, 1], "aabbcc", [-1.0, 1.0, 2.0, -2.0, 0.5, 3.0]),
    "no images": ([], "", []),
}


def optional_tables(labels, logits):
    images = len(labels)
    return {
        "images": {"width": ["100", "200", "300", "0"] * images, "height": ["10"] * images * 4},
        "ablations": {"shape": np.zeros(images), "statistics": -logits, "border_only": logits},
        "ood_scores": {"outlines": np.arange(images) / 2, "tone": np.zeros(images)},
        "robustness": {"blur_1": logits - 1, "blur_2": np.zeros(images)},
    }


@pytest.mark.parametrize("case", EDGE_CASES.values(), ids=EDGE_CASES)
def test_summary_of_edge_cases_is_plain_json(case):
    labels, patients, logits = case
    logits = np.array(logits, dtype=float)
    optional = optional_tables(labels, logits)
    optional["images"] = {name: column[: len(labels)] for name, column in optional["images"].items()}
    # Of the causes and series only one each, so that others are empty.
    names = [f"person{i}_virus_1.jpeg" if label else f"IM-{i:04d}-0001.jpeg" for i, label in enumerate(labels)]
    result = summarise(scored_set(labels, patients, logits, names, **optional))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    check_estimates(result)


def check_estimates(value):
    """Check that an undefined metric or interval has a reason."""
    if isinstance(value, dict) and {"value", "low", "high"} <= value.keys():
        undefined = any(value[key] is None for key in ("value", "low", "high"))
        assert undefined == bool(value.get("reason"))
        if value["value"] is None:
            assert value["low"] is value["high"] is None
        if value["low"] is not None and value["high"] is not None:
            assert value["low"] <= value["high"]
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            check_estimates(inner)


def test_empty_subgroup_has_a_reason():
    result = summarise(
        scored_set([0, 1, 0, 1], "abcd", [-1.0, 1.0, 2.0, -2.0], ["IM-1-1.png", "person1_virus_1.png"] * 2)
    )
    groups = {group["name"]: group for group in result["subgroups"]}
    assert groups["bacterial"]["images_by_class"] == {"NORMAL": 0, "PNEUMONIA": 0}
    assert groups["bacterial"]["auroc"] == {"value": None, "low": None, "high": None, "reason": "no images"}
    assert groups["viral"]["auroc"]["value"] is not None


def test_metrics_of_one_class():
    result = summarise(scored_set([1, 1, 1, 1], "abcd", [-1.0, 1.0, 2.0, 3.0]))
    defined = {name for name, metric in result["metrics"].items() if metric["value"] is not None}
    assert defined == {"sensitivity", "accuracy", "f1", "average_precision", "brier", "ece"}
    assert result["metrics"]["sensitivity"]["value"] == 0.75
    assert result["auroc_delong"]["reason"] == "not defined: a class is absent"
    assert result["patients_by_class"] == {"NORMAL": 0, "PNEUMONIA": 4}


def test_one_patient_gives_no_intervals():
    result = summarise(scored_set([0, 1, 0, 1], "aaaa", [-1.0, 0.5, 2.0, -3.0]))["metrics"]
    assert result["auroc"]["value"] == 0.25
    assert {(metric["low"], metric["high"]) for metric in result.values()} == {(None, None)}


def test_perfect_separation():
    result = summarise(scored_set([0] * 10 + [1] * 20, [str(i) for i in range(30)], [-2.0] * 10 + [2.0] * 20))[
        "metrics"
    ]
    for name, patients in (("specificity", 10), ("sensitivity", 20)):
        exact = stats.binomtest(patients, patients).proportion_ci(0.95, method="exact")
        assert (result[name]["low"], result[name]["high"]) == pytest.approx((exact.low, 1.0))
    assert result["auroc"]["value"] == 1
    assert result["auroc"]["low"] is None
    assert result["calibration_slope"]["value"] is None
    assert result["positive_likelihood_ratio"]["value"] is None
    assert result["negative_likelihood_ratio"]["value"] == 0


LOGIT = st.one_of(st.sampled_from([-2.0, 0.0, 1.5]), st.floats(-60, 60), st.floats(-3e38, 3e38))


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abcde"), LOGIT), max_size=12), st.floats(0.05, 20))
def test_summary_of_any_table_is_plain_json(rows, temperature):
    labels, patients, logits = ([row[i] for row in rows] for i in range(3))
    result = summarise(scored_set(labels, patients, logits, temperature=temperature))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    check_estimates(result)
