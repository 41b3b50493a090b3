"""Every number of the summary, recomputed from the predictions table by other means."""

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

# Undefined figures are no reason to warn.
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
    """Images of 30 patients, of whom one has images of both classes, with everything that can stand beside them."""
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
    """Some images with resamples of their patients, and what other means make of them: first all, then each resample."""

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

    def of_decisions(self, decisions):
        def count(label, decision):
            return self.rows[:, (self.labels == label) & (decisions == decision)].sum(axis=1)

        tp, fp, fn, tn = count(1, 1), count(0, 1), count(1, 0), count(0, 0)
        found, left = tp / (tp + fn), tn / (tn + fp)
        with np.errstate(divide="ignore"):
            ratios = found / (1 - left), (1 - found) / left
        figures = {
            "sensitivity": found,
            "specificity": left,
            "balanced_accuracy": (found + left) / 2,
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "f1": tp / (tp + (fp + fn) / 2),
            "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
            "positive_likelihood_ratio": ratios[0],
            "negative_likelihood_ratio": ratios[1],
        }
        for prevalence in (0.01, 0.05, 0.1, 0.2, 0.5):
            ill, well = 1e6 * prevalence, 1e6 * (1 - prevalence)
            figures[f"ppv_at_{prevalence:g}"] = found * ill / (found * ill + (1 - left) * well)
            figures[f"npv_at_{prevalence:g}"] = left * well / (left * well + (1 - found) * ill)
        return figures

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
    """The figure of all images, and the 50th of 2,000 resamples from each end, or the 12th of 500."""
    last = {2000: 50, 500: 12}[len(values) - 1]
    low, high = sorted(values[1:])[last - 1], sorted(values[1:], reverse=True)[last - 1]
    return {"value": values[0], "low": low, "high": high}


def estimates(figures):
    return {name: estimate(values) for name, values in figures.items()}


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
    """Images of each subgroup in the order of the summary."""
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
        counted = some.of_decisions(some.decisions)
        shares = {name: counted[name] for name in ("sensitivity", "specificity")}
        of_images, of_patients = by_class(inside)
        return {"images_by_class": of_images, "patients_by_class": of_patients} | estimates(
            {"auroc": some.auroc(logits[inside]), **shares}
        )

    def point(strength, changed):
        counted = few.of_decisions(expit(changed / TEMPERATURE) >= THRESHOLD)
        shares = {name: counted[name] for name in ("sensitivity", "specificity")}
        return {"strength": strength} | estimates({"auroc": few.auroc(changed), **shares})

    ablations = {name: images.auroc(whole.ablations[name]) for name in ("shape", "border_only")}
    rejected = np.maximum(*whole.ood_scores.values()) > 1
    pixels = np.array([10 * int(width) for width in whole.images["width"]])
    of_images, of_patients = by_class(everything)
    return {
        "images": 90,
        "patients": 30,
        "images_by_class": of_images,
        "patients_by_class": of_patients,
        "prevalence": sum(labels) / 90,
        "threshold": THRESHOLD,
        "temperature": TEMPERATURE,
        "figures": estimates(ranking | images.of_decisions(decisions)) | calibration["after"],
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
                {"auroc": estimate(other), "model_above_it_by": estimate(area - other)} for other in ablations.values()
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


def numbers(value, place=""):
    """All that is no text, by where it stands."""
    if isinstance(value, str):
        return {}
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {where: leaf for key, inner in items for where, leaf in numbers(inner, f"{place}/{key}").items()}
    return {place: value}


def test_every_number_is_right():
    whole = overlapping()
    found, right = numbers(summarise(whole)), numbers(expected(whole))
    assert found.keys() == right.keys()
    wrong = {
        place: (value, right[place])
        for place, value in found.items()
        if not (value is right[place] is None or value == pytest.approx(right[place], rel=1e-5, abs=1e-6))
    }
    assert wrong == {}
    # A figure that was never defined would have been compared with nothing.
    assert {place for place, value in found.items() if value is None} == {
        f"/{part}/ece/{end}" for part in ("figures", "before_scaling") for end in ("low", "high")
    }


def test_the_slope_of_the_oracle_is_that_of_scikit_learn():
    whole = overlapping()
    images = Images(whole.table, np.ones(90, dtype=bool), resamples=20)
    for row, slope in zip(images.rows, images.calibration(whole.table.logit)["calibration_slope"], strict=True):
        model = LogisticRegression(C=np.inf, tol=1e-10).fit(whole.table.logit[:, None], images.labels, row)
        assert slope == pytest.approx(model.coef_[0, 0], rel=1e-4)


def test_names_and_words_say_what_the_numbers_are():
    whole = overlapping()
    found = summarise(whole)
    assert found["class_names"] == CLASSES
    assert [group["name"] for group in found["subgroups"]][:4] == ["bacterial", "viral", "IM", "NORMAL2-IM"]
    assert len({group["family"] for group in found["subgroups"]}) == 4
    assert found["subgroup_notes"] == []
    assert [row["name"] for row in found["shortcuts"]["ablations"]] == ["shape", "border_only"]
    assert found["duplicates"] == whole.duplicates
    assert found["source"] == whole.source
    assert "patients" in found["method"]["interval"]


def test_a_summary_is_the_same_each_time_and_in_any_order_of_rows():
    whole = overlapping()
    first = summarise(whole)
    assert summarise(whole) == first
    order = np.random.default_rng(0).permutation(90)
    table = whole.table
    words = {key: [getattr(table, key)[i] for i in order] for key in ("path", "patient", "label", "decision")}
    shuffled = replace(table, logit=table.logit[order], probability=table.probability[order], **words)
    again = summarise(ScoredSet(shuffled, whole.source))
    # Patients are drawn by their names, so that even the resamples are the same.
    for name, figure in first["figures"].items():
        for key in ("value", "low", "high"):
            value = again["figures"][name][key]
            assert value is figure[key] is None or value == pytest.approx(figure[key], rel=1e-5, abs=1e-6)


ODD = {
    "one class, normal": ([0, 0, 0, 0], "abcd", [-1.0, 0.5, 2.0, -3.0]),
    "one class, pneumonia": ([1, 1, 1, 1], "abcd", [-1.0, 0.5, 2.0, -3.0]),
    "one image": ([1], "a", [0.3]),
    "one image, certain": ([0], "a", [90.0]),
    "one patient": ([0, 1, 0, 1], "aaaa", [-1.0, 0.5, 2.0, -3.0]),
    "one patient of a class": ([0, 0, 1, 1], "aabc", [-1.0, 0.5, 2.0, -3.0]),
    "two images": ([0, 1], "ab", [-1.0, 1.0]),
    "ties everywhere": ([0, 1, 0, 1, 1], "abcde", [0.5] * 5),
    "all logits zero": ([0, 1, 0, 1, 1], "abcde", [0.0] * 5),
    "all called positive": ([0, 1, 0, 1, 1, 0], "abcdef", [1.0, 5.0, 2.0, 3.0, 2.5, 4.0]),
    "all called negative": ([0, 1, 0, 1, 1, 0], "abcdef", [-1.0, -5.0, -2.0, -3.0, -2.5, -4.0]),
    "apart": ([0, 0, 0, 1, 1, 1], "abcdef", [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0]),
    "apart and far too sure": ([0, 0, 0, 1, 1, 1], "abcdef", [-900.0, -800.0, -1e4, 900.0, 1e5, 800.0]),
    "all wrong": ([0, 0, 0, 1, 1, 1], "abcdef", [3.0, 2.0, 1.0, -1.0, -2.0, -3.0]),
    "wrong and far too sure": ([0, 0, 0, 1, 1, 1], "abcdef", [900.0, -800.0, -1e4, 900.0, 1e5, -800.0]),
    "as large as single precision": ([0, 1, 0, 1], "abcd", [3.4e38, -3.4e38, -1.0, 1.0]),
    "one error": ([0, 0, 0, 0, 1, 1, 1, 1], "abcdefgh", [-3, -2, -1, 2.0, 1, 2.5, 3, 4]),
    "every patient has both classes": ([0, 1, 0, 1, 0, 1], "aabbcc", [-1.0, 1.0, 2.0, -2.0, 0.5, 3.0]),
    "no images": ([], "", []),
}


def all_beside(labels, logits):
    images = len(labels)
    return {
        "images": {"width": ["100", "200", "300", "0"] * images, "height": ["10"] * images * 4},
        "ablations": {"shape": np.zeros(images), "statistics": -logits, "border_only": logits},
        "ood_scores": {"outlines": np.arange(images) / 2, "tone": np.zeros(images)},
        "robustness": {"blur_1": logits - 1, "blur_2": np.zeros(images)},
    }


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("named", [True, False], ids=["named", "nameless"])
def test_odd_tables_have_a_summary_in_plain_json(odd, named):
    labels, patients, logits = odd
    logits = np.array(logits, dtype=float)
    beside = all_beside(labels, logits)
    beside["images"] = {name: column[: len(labels)] for name, column in beside["images"].items()}
    # Of the causes and series only one each, so that others are empty.
    names = [f"person{i}_virus_1.jpeg" if label else f"IM-{i:04d}-0001.jpeg" for i, label in enumerate(labels)]
    found = summarise(scored_set(labels, patients, logits, names if named else None, **beside))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    check_estimates(found)


def check_estimates(value):
    """Where a figure or its interval is not defined, the reason stands beside it."""
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


def test_an_empty_subgroup_says_so():
    found = summarise(
        scored_set([0, 1, 0, 1], "abcd", [-1.0, 1.0, 2.0, -2.0], ["IM-1-1.png", "person1_virus_1.png"] * 2)
    )
    groups = {group["name"]: group for group in found["subgroups"]}
    assert groups["bacterial"]["images_by_class"] == {"NORMAL": 0, "PNEUMONIA": 0}
    assert groups["bacterial"]["auroc"] == {"value": None, "low": None, "high": None, "reason": "no images"}
    assert groups["viral"]["auroc"]["value"] is not None


def test_one_class_has_what_it_has_and_no_more():
    found = summarise(scored_set([1, 1, 1, 1], "abcd", [-1.0, 1.0, 2.0, 3.0]))
    defined = {name for name, figure in found["figures"].items() if figure["value"] is not None}
    assert defined == {"sensitivity", "accuracy", "f1", "average_precision", "brier", "ece"}
    assert found["figures"]["sensitivity"]["value"] == 0.75
    assert found["auroc_delong"]["reason"] == "not defined: a class is absent"
    assert found["patients_by_class"] == {"NORMAL": 0, "PNEUMONIA": 4}


def test_one_patient_has_figures_without_intervals():
    found = summarise(scored_set([0, 1, 0, 1], "aaaa", [-1.0, 0.5, 2.0, -3.0]))["figures"]
    assert found["auroc"]["value"] == 0.25
    assert {(figure["low"], figure["high"]) for figure in found.values()} == {(None, None)}


def test_perfect_separation_has_exact_intervals_of_shares_and_no_slope():
    found = summarise(scored_set([0] * 10 + [1] * 20, [str(i) for i in range(30)], [-2.0] * 10 + [2.0] * 20))["figures"]
    for name, patients in (("specificity", 10), ("sensitivity", 20)):
        exact = stats.binomtest(patients, patients).proportion_ci(0.95, method="exact")
        assert (found[name]["low"], found[name]["high"]) == pytest.approx((exact.low, 1.0))
    assert found["auroc"]["value"] == 1
    assert found["auroc"]["low"] is None
    assert found["calibration_slope"]["value"] is None
    assert found["positive_likelihood_ratio"]["value"] is None
    assert found["negative_likelihood_ratio"]["value"] == 0


LOGIT = st.one_of(st.sampled_from([-2.0, 0.0, 1.5]), st.floats(-60, 60), st.floats(-3e38, 3e38))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abcde"), LOGIT), max_size=12), st.floats(0.05, 20))
def test_any_table_has_a_summary_in_plain_json(rows, temperature):
    labels, patients, logits = ([row[i] for row in rows] for i in range(3))
    found = summarise(scored_set(labels, patients, logits, temperature=temperature))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    check_estimates(found)
