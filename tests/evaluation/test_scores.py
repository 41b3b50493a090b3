"""metrics.json and the printed table say what the predictions table says."""

import csv
import json

import numpy as np
import pytest
from sklearn import metrics as sk

from xray.evaluation.predictions import Predictions, decide, read_predictions, write_predictions
from xray.evaluation.scores import print_metrics, score, write_metrics

CLASSES = ("NORMAL", "PNEUMONIA")
KEYS = {
    "n", "n_patients", "auroc", "average_precision", "accuracy", "balanced_accuracy", "sensitivity", "specificity",
    "f1", "threshold", "confusion_matrix",
}  # fmt: skip


def draw_table(rng, rows, labels=None):
    """Predictions with ties, of patients with several films."""
    labels = rng.integers(0, 2, rows) if labels is None else labels
    logits = np.round(rng.normal(labels - 0.5, 1.5), 1)
    probability = 1 / (1 + np.exp(-logits))
    return Predictions(
        [f"{i}.png" for i in range(rows)],
        [f"p{patient}" for patient in rng.integers(0, rows // 2 + 1, rows)],
        [CLASSES[label] for label in labels],
        logits,
        probability,
        decide(probability, 0.4, CLASSES),
    )


@pytest.mark.parametrize("seed", range(5))
def test_metrics_json_follows_from_the_csv(tmp_path, seed):
    write_predictions(tmp_path / "predictions.csv", draw_table(np.random.default_rng(seed), 60))
    write_metrics(tmp_path / "metrics.json", score(read_predictions(tmp_path / "predictions.csv"), CLASSES, 0.4))
    figures = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))

    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] == "PNEUMONIA" for row in rows]
    decisions = [float(row["probability"]) >= 0.4 for row in rows]
    logits = [float(row["logit"]) for row in rows]
    tn, fp, fn, tp = sk.confusion_matrix(labels, decisions).ravel().tolist()
    expected = {
        "n": 60,
        "n_patients": len({row["patient"] for row in rows}),
        "auroc": pytest.approx(sk.roc_auc_score(labels, logits)),
        "average_precision": pytest.approx(sk.average_precision_score(labels, logits)),
        "accuracy": pytest.approx(sk.accuracy_score(labels, decisions)),
        "balanced_accuracy": pytest.approx(sk.balanced_accuracy_score(labels, decisions)),
        "sensitivity": pytest.approx(sk.recall_score(labels, decisions)),
        "specificity": pytest.approx(sk.recall_score(labels, decisions, pos_label=0)),
        "f1": pytest.approx(sk.f1_score(labels, decisions)),
        "threshold": 0.4,
        "confusion_matrix": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
    }
    assert expected.keys() == KEYS
    assert {key: figures[key] for key in KEYS} == expected


def test_the_ranking_is_by_logit_where_probabilities_have_run_together():
    logits = np.array([-1.0, 40.0, 41.0, 800.0])
    table = Predictions(
        "abcd", "abcd", ["NORMAL", "NORMAL", "PNEUMONIA", "PNEUMONIA"], logits, np.ones(4), ["PNEUMONIA"] * 4
    )
    assert score(table, CLASSES, 0.5)["auroc"] == 1


def test_the_second_class_name_is_the_positive_class():
    table = Predictions(
        "abc",
        "abc",
        ["sick", "sick", "fine"],
        np.array([1.0, 2, -1]),
        np.array([0.7, 0.8, 0.3]),
        ["sick", "fine", "fine"],
    )
    assert score(table, ("fine", "sick"), 0.5)["confusion_matrix"] == {"tp": 1, "fp": 0, "fn": 1, "tn": 1}
    assert score(table, ("sick", "fine"), 0.5)["confusion_matrix"] == {"tp": 1, "fp": 1, "fn": 0, "tn": 1}


def test_one_class_gives_json_with_nulls_and_a_table_that_says_so(tmp_path, capsys):
    metrics = score(draw_table(np.random.default_rng(0), 7, np.ones(7, dtype=int)), CLASSES, 0.4)
    write_metrics(tmp_path / "metrics.json", metrics)
    written = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert {key for key in KEYS if written[key] is None} == {"auroc", "balanced_accuracy", "specificity"}
    print_metrics(metrics, "t")
    assert capsys.readouterr().out.count("not defined") == 3


def test_the_printed_table_names_figures_and_their_limits(capsys):
    metrics = {
        "n": 624, "n_patients": 390, "auroc": 0.96543, "average_precision": 0.9712, "accuracy": 0.8999,
        "balanced_accuracy": 0.8766, "sensitivity": 0.9555, "specificity": 0.7977, "f1": 0.9222, "threshold": 0.4321,
        "confusion_matrix": {"tp": 371, "fp": 43, "fn": 19, "tn": 191}, "class_names": CLASSES,
    }  # fmt: skip
    print_metrics(metrics, "Test films of data/chest_xray")
    out = capsys.readouterr().out
    rows = {
        tuple(cell.strip() for cell in line.strip("│").split("│")) for line in out.splitlines() if line.startswith("│")
    }
    assert rows == {
        ("AUROC", "0.9654"), ("Average precision", "0.9712"), ("Accuracy", "0.8999"), ("Balanced accuracy", "0.8766"),
        ("Sensitivity", "0.9555"), ("Specificity", "0.7977"), ("F1", "0.9222"), ("Images, patients", "624, 390"),
        ("Threshold", "0.4321"), ("NORMAL", "191", "43"), ("PNEUMONIA", "19", "371"),
    }  # fmt: skip
    assert "Test films of data/chest_xray" in out
    assert "not a medical device" in out


@pytest.mark.parametrize("folder", ["data/[old] films", "data/films[/]", "data/[/2024]"])
def test_a_folder_with_brackets_is_printed_as_it_is(capsys, folder):
    print_metrics(score(draw_table(np.random.default_rng(0), 9), CLASSES, 0.4), f"Test films of {folder}")
    assert folder in capsys.readouterr().out


def test_metrics_json_says_what_it_is_not_for(tmp_path):
    write_metrics(tmp_path / "metrics.json", {"n": 1})
    assert "not a medical device" in json.loads((tmp_path / "metrics.json").read_text())["notice"]
