import numpy as np
from numpy.testing import assert_allclose
from tests.report.conftest import CORRUPTIONS

from xray.report.panels import forest_figure, robustness_figure


def metric(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def test_forest_plot_draws_intervals_and_names():
    rows = [("a", metric(0.8, 0.7, 0.9)), ("b", metric(0.6, 0.4, 0.75)), ("c", metric(None)), ("d", metric(0.5))]
    figure = forest_figure([("Group", rows)], ("All", metric(0.9, 0.85, 0.95)), "Title")
    axes = figure.axes[0]
    spans = [line.get_xdata() for line in axes.lines if line.get_marker() == "None" and line.get_linestyle() == "-"]
    assert_allclose(spans, [[0.85, 0.95], [0.7, 0.9], [0.4, 0.75]])
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() in {"o", "D"}]
    assert_allclose(dots, [0.9, 0.8, 0.6, 0.5])
    shown = [text.get_text() for text in axes.texts]
    assert shown == ["All", "0.9000", "Group", "a", "0.8000", "b", "0.6000", "c", "not defined", "d", "0.5000"]
    assert axes.get_xlim()[0] < 0.4


def test_forest_plot_zooms_in_on_high_values():
    figure = forest_figure([("Group", [("a", metric(0.99, 0.98, 0.995))])], ("All", metric(0.99, 0.98, 1.0)), "Title")
    assert 0.95 < figure.axes[0].get_xlim()[0] < 0.98


def test_forest_plot_without_values():
    figure = forest_figure([("Group", [("a", metric(None))])], ("All", metric(None)), "Title")
    assert [line for line in figure.axes[0].lines if line.get_marker() in {"o", "D"}] == []


def test_robustness_has_a_panel_per_corruption(summary):
    robustness = summary["robustness"]
    figure = robustness_figure(robustness)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["JPEG compression" if name == "jpeg" else name.capitalize() for name in CORRUPTIONS]
    for axes, rows in zip(figure.axes, robustness.values(), strict=True):
        for line, name in zip(axes.lines, ("auroc", "specificity"), strict=True):
            assert_allclose(line.get_xdata(), range(6))
            assert_allclose(line.get_ydata(), [row[name]["value"] for row in rows])
        low = [row["auroc"]["low"] or row["auroc"]["value"] for row in rows]
        band = axes.collections[0].get_paths()[0].vertices
        assert_allclose(min(low), band[:, 1].min())
        assert axes.get_ylim()[0] < min(low)


def test_robustness_of_few_strengths_and_of_an_unknown_corruption():
    rows = [{"strength": k, "auroc": metric(0.9), "specificity": metric(0.8)} for k in range(3)]
    (axes, *_) = robustness_figure({"gone": rows}).axes
    assert axes.get_title(loc="left") == "gone"
    assert_allclose(axes.get_xticks(), range(3))


def test_robustness_without_intervals():
    rows = [{"strength": k, "auroc": metric(0.9), "specificity": metric(None)} for k in range(6)]
    figure = robustness_figure({"blur": rows})
    visible = [axes for axes in figure.axes if axes.axison]
    assert len(visible) == 1
    assert_allclose(visible[0].lines[0].get_ydata(), np.full(6, 0.9))
    assert len(visible[0].lines[1].get_xdata()) == 0
