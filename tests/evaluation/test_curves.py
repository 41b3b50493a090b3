"""Curves against scikit-learn and their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from xray.evaluation import curves
from xray.evaluation.curves import GRID, bands, net_benefit, precision_recall_points, rates_by_threshold, roc_points
from xray.evaluation.resampling import Patients

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

PROBABILITY = st.one_of(st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.floats(0, 1).map(lambda p: round(p, 6)))
ROWS = st.lists(st.tuples(st.integers(0, 1), PROBABILITY), min_size=1, max_size=40)


def columns(rows):
    return np.array([label for label, _ in rows]), np.array([probability for _, probability in rows])


@given(ROWS)
def test_roc_curve_matches_scikit_learn(rows):
    labels, scores = columns([*rows, (0, 0.3), (1, 0.3)])
    false, true, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    result = roc_points(labels, scores)
    np.testing.assert_allclose(result[0], false, atol=1e-12)
    np.testing.assert_allclose(result[1], true, atol=1e-12)


@given(ROWS)
def test_precision_recall_curve_matches_scikit_learn(rows):
    labels, scores = columns([*rows, (1, 0.3)])
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    result = precision_recall_points(labels, scores)
    # Scikit-learn has the reverse order and adds a point at precision 1.
    np.testing.assert_allclose(result[0], recall[-2::-1], atol=1e-12)
    np.testing.assert_allclose(result[1], precision[-2::-1], atol=1e-12)


@given(ROWS, st.lists(st.floats(0, 0.99), min_size=1, max_size=5))
def test_net_benefit_and_rates_match_a_loop(rows, thresholds):
    labels, probability = columns(rows)
    model, treat_all = net_benefit(labels, probability, np.array(thresholds))
    sensitivity, specificity = rates_by_threshold(labels, probability, np.array(thresholds))
    positives, images = int(labels.sum()), len(rows)
    for i, t in enumerate(thresholds):
        tp = sum(label == 1 and p >= t for label, p in rows)
        fp = sum(label == 0 and p >= t for label, p in rows)
        assert model[i] == pytest.approx(tp / images - fp / images * t / (1 - t))
        assert treat_all[i] == pytest.approx(positives / images - (images - positives) / images * t / (1 - t))
        assert sensitivity[i] == pytest.approx(tp / positives if positives else np.nan, nan_ok=True)
        negatives = images - positives
        assert specificity[i] == pytest.approx(1 - fp / negatives if negatives else np.nan, nan_ok=True)


@given(ROWS)
def test_net_benefit_limits(rows):
    labels, probability = columns([*rows, (0, 0.3), (1, 0.3)])
    prevalence = labels.mean()
    _, treat_all = net_benefit(labels, probability, np.array([0.0, prevalence]))
    assert treat_all == pytest.approx([prevalence, 0], abs=1e-12)
    # A threshold of 0 treats all; the best possible model treats exactly the positives.
    model, treat_all = net_benefit(labels, probability, np.linspace(0, 0.99, 34))
    assert model[0] == treat_all[0]
    assert model.max() <= prevalence + 1e-12
    perfect, _ = net_benefit(labels, labels.astype(float), np.linspace(0.01, 0.99, 34))
    assert perfect == pytest.approx(np.full(34, prevalence))


def draw(images, seed=0, digits=8):
    rng = np.random.default_rng(seed)
    number = rng.integers(0, images // 2, images)
    labels = number % 2
    return labels, np.round(rng.normal(labels, 1.0), digits), Patients.of([str(i) for i in number], labels)


@pytest.mark.parametrize("digits", [8, 0], ids=["without ties", "with many ties"])
def test_bands_contain_the_curves(digits):
    labels, scores, patients = draw(300, digits=digits)
    roc, precision_recall = bands(labels, scores, patients, resamples=200)
    false, true = roc_points(labels, scores)
    curve = np.interp(GRID + 1e-9, false, true)
    inside = (roc.low - 1e-9 <= curve) & (curve <= roc.high + 1e-9)
    assert inside.mean() > 0.97
    recall, precision = precision_recall_points(labels, scores)
    steps = precision[np.searchsorted(recall, GRID - 1e-9)]
    # The curve jumps over the first few images.
    inside = (precision_recall.low - 1e-9 <= steps) & (steps <= precision_recall.high + 1e-9)
    assert inside[GRID > 0.05].mean() > 0.97
    for band in (roc, precision_recall):
        assert band.low.shape == band.high.shape == GRID.shape
        assert (band.low <= band.high).all()
        assert band.low.min() >= 0
        assert band.high.max() <= 1
        assert np.mean(band.high - band.low) > 0.01
    assert roc.low[-1] == roc.high[-1] == 1
    # Resampled ROC curves rise, and so do their percentiles.
    assert np.diff(roc.low).min() >= -1e-12
    assert np.diff(roc.high).min() >= -1e-12


def test_bands_are_percentiles_of_resampled_curves():
    labels, scores, patients = draw(60, seed=1)
    roc, precision_recall = bands(labels, scores, patients, resamples=40)
    rocs, precisions = [], []
    for weights in np.concatenate(list(patients.resample(40))):
        copies = np.repeat(np.arange(60), weights.astype(int))
        false, true, _ = sk.roc_curve(labels[copies], scores[copies], drop_intermediate=False)
        rocs.append(np.interp(GRID + 1e-9, false, true))
        precision, recall, _ = sk.precision_recall_curve(labels[copies], scores[copies])
        precision, recall = precision[-2::-1], recall[-2::-1]
        precisions.append(precision[np.searchsorted(recall, GRID - 1e-9)])
    for band, result in ((roc, rocs), (precision_recall, precisions)):
        np.testing.assert_allclose([band.low, band.high], np.quantile(result, [0.025, 0.975], axis=0), atol=1e-6)


def test_bands_hardly_change_with_fewer_thresholds(monkeypatch):
    labels, scores, patients = draw(600)
    roc, precision_recall = bands(labels, scores, patients, resamples=100)
    monkeypatch.setattr(curves, "BAND_THRESHOLDS", 200)
    thin_roc, thin_precision_recall = bands(labels, scores, patients, resamples=100)
    assert np.abs(thin_roc.low - roc.low).max() < 0.03
    assert np.abs((thin_precision_recall.low - precision_recall.low)[GRID > 0.05]).max() < 0.03


def test_bands_of_equal_scores():
    labels = np.array([0, 0, 0, 1, 1])
    roc, precision_recall = bands(labels, np.zeros(5), Patients.of(list("abcde"), labels), resamples=20)
    np.testing.assert_allclose([roc.low, roc.high], [GRID, GRID], atol=1e-9)
    np.testing.assert_allclose([precision_recall.low, precision_recall.high], np.full((2, len(GRID)), 2 / 5))


@pytest.mark.parametrize("labels", [[], [0, 0], [1]])
def test_one_class_has_no_bands(labels):
    labels = np.array(labels, dtype=np.int64)
    patients = Patients.of([str(i) for i in range(len(labels))], labels)
    with pytest.raises(ValueError, match="both classes"):
        bands(labels, np.arange(len(labels), dtype=float), patients)


@pytest.mark.parametrize("labels", [[0, 0], [1]])
def test_curves_of_one_class_are_nan(labels):
    labels, scores = np.array(labels), np.arange(len(labels), dtype=float)
    false, true = roc_points(labels, scores)
    assert np.isnan(true if labels[0] == 0 else false).all()
    assert np.isfinite(false if labels[0] == 0 else true).all()
