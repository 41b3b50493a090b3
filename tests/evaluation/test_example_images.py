import numpy as np
import pytest

from xray.evaluation.example_images import IMAGES_PER_KIND, choose_images
from xray.evaluation.predictions import Predictions

CLASSES = ["NORMAL", "PNEUMONIA"]


def table(labels, logits, patients=None):
    names = patients or [f"p{i}" for i in range(len(labels))]
    logits = np.array(logits, dtype=np.float64)
    return Predictions(
        [f"{i}.png" for i in range(len(labels))],
        names,
        [CLASSES[label] for label in labels],
        logits,
        1 / (1 + np.exp(-logits)),
        [CLASSES[int(logit >= 0)] for logit in logits],
    )


def test_typical_correct_decisions_and_worst_errors():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    logits = rng.normal(labels * 2 - 1, 1.5)
    rows = choose_images(table(labels, logits), CLASSES)
    assert len(rows) == 4 * IMAGES_PER_KIND
    kinds = [rows[i : i + IMAGES_PER_KIND] for i in range(0, len(rows), IMAGES_PER_KIND)]
    for (label, decision), kind in zip([(1, 1), (0, 0), (1, 0), (0, 1)], kinds, strict=True):
        group = [i for i in range(300) if labels[i] == label and (logits[i] >= 0) == bool(decision)]
        middle = np.median(logits[group])
        key = {
            (1, 1): lambda i, m=middle: abs(logits[i] - m),
            (0, 0): lambda i, m=middle: abs(logits[i] - m),
            (1, 0): lambda i: logits[i],
            (0, 1): lambda i: -logits[i],
        }[label, decision]
        assert kind == sorted(group, key=key)[:IMAGES_PER_KIND]


def test_one_image_per_patient_and_ties_in_table_order():
    assert choose_images(table([1] * 6, [2.0] * 6, ["a", "a", "b", "c", "b", "d"]), CLASSES) == [0, 2, 3, 5]


@pytest.mark.parametrize(("labels", "logits"), [([], []), ([1, 1], [1.0, 2.0]), ([0], [5.0])])
def test_skips_kinds_without_images(labels, logits):
    assert sorted(choose_images(table(labels, logits), CLASSES)) == list(range(len(labels)))
