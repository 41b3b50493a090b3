"""The loss after scaling, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from xray.models.calibrated_loss import CalibratedLoss


def images(n=400):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    return torch.tensor(rng.normal(2.0 * labels, 1.5)), torch.tensor(labels, dtype=torch.float32)


def loss_of(logits, labels, batch=64):
    metric = CalibratedLoss()
    for x, y in zip(logits.split(batch), labels.split(batch), strict=True):
        metric.update(x, y)
    return float(metric.compute())


def test_matches_a_logistic_regression():
    logits, labels = images()
    x = logits.numpy()[:, None]
    reference = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(x, labels.numpy())
    # The labels are smoothed for the fit, hence the tolerance.
    assert loss_of(logits, labels) == pytest.approx(log_loss(labels, reference.predict_proba(x)), rel=1e-3)


def test_does_not_depend_on_offset_and_scale():
    logits, labels = images()
    assert loss_of(3 * logits - 7, labels) == pytest.approx(loss_of(logits, labels), rel=1e-6)


def test_is_lower_for_a_better_ranking():
    logits, labels = images()
    assert loss_of(logits + 3 * labels, labels) < loss_of(logits, labels)


def test_is_nan_if_a_logit_is():
    logits, labels = images()
    logits[3] = float("nan")
    assert np.isnan(loss_of(logits, labels))


def test_one_class_has_a_loss():
    assert np.isfinite(loss_of(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0])))
