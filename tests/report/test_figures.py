"""Figures show the values that are passed to them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve
from tests.report.conftest import THRESHOLD, draw, one_class

from xray.evaluation.curves import GRID, Band
from xray.evaluation.metrics import class_indices
from xray.evaluation.summary import summarise
from xray.report import figures

SCORED_SET = draw()
TABLE = SCORED_SET.table
LABELS = class_indices(TABLE.label, SCORED_SET.source["class_names"])
SUMMARY = summarise(SCORED_SET)
FLAT = Band(np.full_like(GRID, 0.2), np.full_like(GRID, 0.9))


def lines(figure, panel=0):
    return [line.get_xydata() for line in figure.axes[panel].lines]


def line(figure, label, panel=0):
    (result,) = [line for line in figure.axes[panel].lines if line.get_label() == label]
    return result.get_xydata()


def texts(figure):
    return (
        " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
        + " "
        + figure.axes[0].get_title(loc="left")
    )


def test_roc_curve_matches_scikit_learn():
    figure = figures.roc_figure(LABELS, TABLE.logit, FLAT, SUMMARY["metrics"])
    rate, sensitivity, _ = roc_curve(LABELS, TABLE.logit, drop_intermediate=False)
    assert_allclose(lines(figure)[1], np.column_stack([rate, sensitivity]))
    point = [1 - SUMMARY["metrics"]["specificity"]["value"], SUMMARY["metrics"]["sensitivity"]["value"]]
    assert_allclose(line(figure, "operating point"), [point])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.2, 0.9)
    assert f"AUROC {SUMMARY['metrics']['auroc']['value']:.2f}" in texts(figure)


def test_inset_only_for_curves_near_the_corner():
    labels = np.arange(400) % 2
    rng = np.random.default_rng(0)
    made = [figures.roc_figure(labels, rng.normal(k * labels, 1.0), FLAT, perfect(k)) for k in (6, 0)]
    assert [len(figure.axes[0].child_axes) for figure in made] == [1, 0]
    inset = made[0].axes[0].child_axes[0]
    assert inset.get_xlim()[1] < 0.1
    assert inset.get_ylim()[0] > 0.9


def perfect(k):
    share = 0.99 if k else 0.5
    return {name: {"value": share} for name in ("auroc", "sensitivity", "specificity", "average_precision")}


def test_precision_recall_curve_matches_scikit_learn():
    counts = SUMMARY["confusion_matrix"]
    figure = figures.precision_recall_figure(LABELS, TABLE.logit, FLAT, SUMMARY["metrics"], counts)
    precision, recall, _ = precision_recall_curve(LABELS, TABLE.logit)
    drawn = lines(figure)[1]
    assert_allclose(drawn[1:], np.column_stack([recall, precision])[:-1][::-1])
    assert_allclose(drawn[0], [0, drawn[1][1]])
    point = [SUMMARY["metrics"]["sensitivity"]["value"], counts["tp"] / (counts["tp"] + counts["fp"])]
    assert_allclose(line(figure, "operating point"), [point])
    assert_allclose(line(figure, "prevalence")[:, 1], LABELS.mean())


def test_no_operating_point_without_predicted_positives():
    counts = {"tp": 0, "fp": 0, "fn": 1, "tn": 1}
    figure = figures.precision_recall_figure(LABELS, TABLE.logit, FLAT, SUMMARY["metrics"], counts)
    assert "operating point" not in [line.get_label() for line in figure.axes[0].lines]


def test_curves_of_one_class_show_the_reason():
    result = summarise(one_class(SCORED_SET))
    labels = np.ones(3, dtype=np.int64)
    for figure in (
        figures.roc_figure(labels, np.arange(3.0), None, result["metrics"]),
        figures.precision_recall_figure(labels, np.arange(3.0), None, result["metrics"], result["confusion_matrix"]),
    ):
        assert "have the same label" in texts(figure)
        assert lines(figure) == []


def test_reliability_diagram_matches_scikit_learn():
    figure = figures.reliability_figure(SUMMARY["reliability"])
    observed, predicted = calibration_curve(LABELS, TABLE.probability, n_bins=10)
    assert_allclose(line(figure, "after scaling"), np.column_stack([predicted, observed]))
    raw = 1 / (1 + np.exp(-TABLE.logit))
    observed, predicted = calibration_curve(LABELS, raw, n_bins=10)
    assert_allclose(line(figure, "before scaling"), np.column_stack([predicted, observed]))
    counts = np.histogram(TABLE.probability, bins=10, range=(0, 1))[0]
    assert [bar.get_height() for bar in figure.axes[1].patches] == counts[counts > 0].tolist()


def test_histogram_counts_each_class():
    figure = figures.histogram_figure(LABELS, TABLE.probability, THRESHOLD, ["N", "P"])
    edges = np.linspace(0, 1, figures.HISTOGRAM_BINS + 1)
    outlines = {
        patch.get_label(): patch.get_data().values
        for patch in figure.axes[0].patches
        if patch.get_label().startswith("label ")
    }
    for label, name in enumerate(("N", "P")):
        counts = np.histogram(TABLE.probability[label == LABELS], edges)[0]
        drawn = outlines[f"label {name}, {counts.sum()}"]
        assert_allclose(np.where(counts == 0, 0, drawn), counts)
        assert (drawn[counts == 0] < 1).all()
    assert_allclose(line(figure, f"threshold {THRESHOLD:.4f}")[:, 0], THRESHOLD)


def test_confusion_matrix_matches_scikit_learn():
    figure = figures.confusion_figure(SUMMARY["confusion_matrix"], ["N", "P"], THRESHOLD)
    expected = confusion_matrix(TABLE.label, TABLE.decision, labels=SCORED_SET.source["class_names"])
    shown = texts(figure).split()
    for value in expected.ravel():
        assert str(value) in shown
    assert_allclose(figure.axes[0].collections[0].get_array(), expected / expected.sum(axis=1, keepdims=True))


def test_empty_row_of_the_confusion_matrix():
    figure = figures.confusion_figure({"tn": 0, "fp": 0, "fn": 1, "tp": 3}, ["N", "P"], 0.5)
    assert texts(figure).count("no images") == 2


def test_decision_curve_is_net_benefit():
    figure = figures.decision_curve_figure(LABELS, TABLE.probability, THRESHOLD)
    model, everyone = line(figure, "treat by the model"), line(figure, "treat all")
    for t, benefit in model[::7]:
        called = TABLE.probability >= t
        true, false = (called & (LABELS == 1)).sum(), (called & (LABELS == 0)).sum()
        assert benefit == pytest.approx((true - false * t / (1 - t)) / len(LABELS))
    for t, benefit in everyone[::7]:
        assert benefit == pytest.approx(LABELS.mean() - (1 - LABELS.mean()) * t / (1 - t))
    assert (line(figure, "treat none")[:, 1] == 0).all()


def test_sensitivity_and_specificity_by_threshold():
    figure = figures.threshold_figure(LABELS, TABLE.probability, THRESHOLD)
    for t, share in line(figure, "sensitivity")[::13]:
        assert share == pytest.approx((TABLE.probability[LABELS == 1] >= t).mean())
    for t, share in line(figure, "specificity")[::13]:
        assert share == pytest.approx((TABLE.probability[LABELS == 0] < t).mean())


def test_no_legend_covers_a_curve():
    """Every legend lies above its panel and below the title."""
    many = np.ones(len(LABELS), dtype=np.int64), TABLE.probability, THRESHOLD
    made = [
        figures.roc_figure(LABELS, TABLE.logit, FLAT, SUMMARY["metrics"]),
        figures.precision_recall_figure(LABELS, TABLE.logit, FLAT, SUMMARY["metrics"], SUMMARY["confusion_matrix"]),
        figures.reliability_figure(SUMMARY["reliability"]),
        figures.histogram_figure(LABELS, TABLE.probability, THRESHOLD, ["a very long name of a class", "P"]),
        figures.decision_curve_figure(*many),
        figures.threshold_figure(*many),
    ]
    for figure in made:
        figure.canvas.draw()
        axes = figure.axes[0]
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.get_window_extent().y1 - 1
        assert legend.y1 <= axes._left_title.get_window_extent().y0 + 1  # Matplotlib has no public name for it
        assert legend.x1 <= figure.bbox.x1
