"""Scaling of logits, against scikit-learn's logistic regression."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as reference_log_loss

from xray.evaluation.scaling import MAX_OFFSET, MAX_TEMPERATURE, Scaling, fit_form, fit_scaling, log_loss


def soft_targets(labels):
    positives, negatives = (labels == 1).sum(), (labels == 0).sum()
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def one_image_each(labels):
    return [f"patient {i}" for i in range(len(labels))]


def sample(seed, n, scale=1.0, shift=0.0):
    """Draw images whose log-odds are known, and the logits of a network that is wrong by a scale and a shift."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0.5, 3, n)
    labels = (rng.random(n) < expit(log_odds)).astype(np.int64)
    labels[:2] = 0, 1
    return labels, scale * (log_odds - shift)


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
def test_matches_logistic_regression_on_soft_targets(with_offset, scale):
    labels, logits = sample(0, 80, scale, 0.7)
    # Each image twice: as a positive with the weight of its target, and as a negative with the rest.
    targets = soft_targets(labels)
    model = LogisticRegression(C=np.inf, fit_intercept=with_offset, solver="newton-cholesky", tol=1e-12)
    model.fit(np.tile(logits, 2)[:, None], np.repeat([1, 0], 80), np.concatenate([targets, 1 - targets]))
    fitted = fit_form(labels, logits, with_offset=with_offset)
    assert fitted.temperature == pytest.approx(1 / model.coef_[0, 0], rel=1e-4)
    assert fitted.offset == pytest.approx(float(np.ravel(model.intercept_)[0]), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("distance", [1.0, 5.0, 40.0])
def test_temperature_is_finite_for_separated_classes(distance):
    labels = np.repeat([0, 1], 50)
    # All images have equal confidence, so the best probability is the target itself.
    fitted = fit_form(labels, np.where(labels == 1, distance, -distance))
    assert fitted.temperature == pytest.approx(distance / np.log(51), rel=1e-4)
    assert fitted.offset == pytest.approx(0, abs=1e-4)


def test_parameters_stay_in_range():
    labels = np.repeat([0, 1], 50)
    wrong_way = fit_form(labels, np.where(labels == 1, -1.0, 1.0))
    assert wrong_way.temperature == pytest.approx(MAX_TEMPERATURE, rel=1e-3)
    tiny = fit_form(labels, np.where(labels == 1, 1e-3, -1e-3))
    assert tiny.temperature == pytest.approx(1 / MAX_TEMPERATURE, rel=1e-3)
    assert abs(fit_form(labels, np.full(100, 1e4)).offset) <= MAX_OFFSET


def test_zero_logits_are_not_scaled():
    assert fit_form(np.array([0, 1, 1]), np.zeros(3)) == Scaling()


@pytest.mark.parametrize(
    ("scale", "shift"),
    [(1.0, 0.0), (5.0, 0.0), (0.3, 3.0)],
    ids=["calibrated", "overconfident", "shifted"],
)
def test_recovers_scale_and_offset(scale, shift):
    labels, logits = sample(1, 3000, scale, shift)
    fitted = fit_scaling(labels, logits, one_image_each(labels))
    assert fitted.temperature == pytest.approx(scale, rel=0.1)
    assert fitted.offset == pytest.approx(shift, abs=0.25)


def test_few_images_keep_what_is_already_calibrated():
    """Of many small samples of a calibrated network, most stay unscaled, and the mean loss on new images stays low."""
    new_labels, new_logits = sample(99, 5000)
    chosen, always = [], []
    for seed in range(30):
        labels, logits = sample(seed, 16)
        fitted = fit_scaling(labels, logits, one_image_each(labels))
        chosen.append(log_loss(new_labels, fitted.scale(new_logits)))
        always.append(log_loss(new_labels, fit_form(labels, logits).scale(new_logits)))
    assert np.mean(chosen) < np.mean(always)


def test_patients_stay_together_in_the_comparison():
    """Copies of the same few patients are no evidence for a scaling."""
    labels, logits = sample(0, 8)
    copies = np.tile(np.arange(8), 50)
    patients = [f"patient {i}" for i in copies]
    as_patients = fit_scaling(labels[copies], logits[copies], patients)
    as_images = fit_scaling(labels[copies], logits[copies], one_image_each(copies))
    assert as_patients == Scaling()
    assert as_images != Scaling()


def test_one_patient_of_a_class_leaves_the_logits_unscaled():
    labels = np.array([0, 0, 1, 1, 1])
    assert fit_scaling(labels, np.array([-9.0, 3.0, 9.0, 9.0, 9.0]), ["a", "a", "b", "c", "d"]) == Scaling()


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(4, 60))
def test_ranking_never_changes_and_float32_is_exact(seed, n):
    labels, logits = sample(seed, n, 3.0, 1.0)
    fitted = fit_scaling(labels, logits, one_image_each(labels))
    assert (np.diff(fitted.scale(np.sort(logits))) >= 0).all()
    assert (np.float32(fitted.temperature), np.float32(fitted.offset)) == (fitted.temperature, fitted.offset)


def test_log_loss_matches_scikit_learn():
    labels, logits = sample(5, 50)
    assert log_loss(labels, logits) == pytest.approx(reference_log_loss(labels, expit(logits)))


def test_older_results_have_no_offset():
    assert Scaling.of({"temperature": 2.0}) == Scaling(2.0, 0.0)
    assert Scaling.of({"temperature": 2.0, "offset": -0.5}).probability(np.array([3.0])) == pytest.approx(expit(1.0))


def test_is_described_as_a_formula():
    formulas = {Scaling(): "sigmoid(logit)", Scaling(2): "sigmoid(logit / 2.000)"}
    formulas |= {Scaling(2, -0.5): "sigmoid(logit / 2.000 - 0.500)", Scaling(1, 0.25): "sigmoid(logit / 1.000 + 0.250)"}
    assert {scaling: str(scaling) for scaling in formulas} == formulas
