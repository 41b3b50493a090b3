import numpy as np
import pytest

from xray.evaluation.example_images import OF_EACH, choose_images
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


def test_ordinary_right_decisions_and_the_worst_wrong_ones():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    logits = rng.normal(labels * 2 - 1, 1.5)
    rows = choose_images(table(labels, logits), CLASSES)
    assert len(rows) == 4 * OF_EACH
    kinds = [rows[i : i + OF_EACH] for i in range(0, len(rows), OF_EACH)]
    for (label, called), kind in zip([(1, 1), (0, 0), (1, 0), (0, 1)], kinds, strict=True):
        group = [i for i in range(300) if labels[i] == label and (logits[i] >= 0) == bool(called)]
        middle = np.median(logits[group])
        key = {
            (1, 1): lambda i, m=middle: abs(logits[i] - m),
            (0, 0): lambda i, m=middle: abs(logits[i] - m),
            (1, 0): lambda i: logits[i],
            (0, 1): lambda i: -logits[i],
        }[label, called]
        assert kind == sorted(group, key=key)[:OF_EACH]


def test_one_image_of_each_patient_and_equals_in_the_order_of_the_table():
    assert choose_images(table([1] * 6, [2.0] * 6, ["a", "a", "b", "c", "b", "d"]), CLASSES) == [0, 2, 3, 5]


@pytest.mark.parametrize(("labels", "logits"), [([], []), ([1, 1], [1.0, 2.0]), ([0], [5.0])])
def test_kinds_without_images_are_left_out(labels, logits):
    assert sorted(choose_images(table(labels, logits), CLASSES)) == list(range(len(labels)))
