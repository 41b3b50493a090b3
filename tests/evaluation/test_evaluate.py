"""`evaluate` agrees with scikit-learn, and shows itself as text and in notebooks."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from xray.evaluation.evaluate import evaluate


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], [70, 50])
    probability = 1 / (1 + np.exp(-rng.normal(2 * label - 1, 1.5)))
    return pd.DataFrame({"label": label, "probability": probability, "patient": np.arange(120) // 2})


def test_metrics_are_those_of_scikit_learn(frame):
    label, probability = frame["label"], frame["probability"]
    decision = probability >= 0.3
    oracle = {
        "auroc": sk.roc_auc_score(label, probability),
        "average_precision": sk.average_precision_score(label, probability),
        "sensitivity": sk.recall_score(label, decision),
        "specificity": sk.recall_score(label, decision, pos_label=0),
        "balanced_accuracy": sk.balanced_accuracy_score(label, decision),
        "mcc": sk.matthews_corrcoef(label, decision),
        "f1": sk.f1_score(label, decision),
        "brier": sk.brier_score_loss(label, probability),
    }
    evaluation = evaluate(frame, threshold=0.3)
    assert {name: evaluation[name]["value"] for name in oracle} == pytest.approx(oracle)
    for name, value in oracle.items():
        assert evaluation[name]["low"] < value < evaluation[name]["high"]
    assert oracle.keys() <= dict(evaluation).keys()


def test_intervals_are_over_patients(frame):
    images = frame.loc[frame.index.repeat(4)]
    width = {
        name: np.ptp([evaluate(table)["auroc"][end] for end in ("low", "high")])
        for name, table in (("once", frame), ("copied", images), ("as images", images.drop(columns="patient")))
    }
    assert width["copied"] == pytest.approx(width["once"])
    assert width["as images"] < 0.7 * width["once"]


def test_one_class_has_reasons_instead_of_metrics():
    evaluation = evaluate({"label": [1, 1, 1], "probability": [0.2, 0.8, 0.9]})
    assert evaluation["auroc"]["value"] is None
    assert evaluation["auroc"]["reason"]
    assert evaluation["sensitivity"]["value"] == pytest.approx(2 / 3)
    assert "not defined" in repr(evaluation)


def test_is_shown_as_text_and_as_html(frame):
    evaluation = evaluate(frame.drop(columns="patient"), class_names=("<a>", "b"))
    assert f"auroc                        {evaluation['auroc']['value']:.4f}" in repr(evaluation)
    assert "70 <a> and 50 b images of 120 patients, threshold 0.5" in repr(evaluation)
    html = evaluation._repr_html_()
    assert "&lt;a&gt;" in html
    assert "<a>" not in html
    assert any("no column patient" in note for note in evaluation.notes)
    assert all(note in repr(evaluation) for note in evaluation.notes)
