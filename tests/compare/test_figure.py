"""The ROC figure shows the compared runs."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from sklearn import metrics as sk
from tests.compare.conftest import draw, shared

from xray import NOTICE
from xray.compare.figure import MAX_NAME, compared_roc_figure, corner_of
from xray.compare.statistics import compare_runs
from xray.evaluation.curves import roc_points
from xray.report.style import ZOOMS

pytestmark = pytest.mark.filterwarnings("error")


def images_of(count=2, strength=4.0, names=()):
    labels, patients, logits = draw(strength=strength)
    scores = [logits + i * np.random.default_rng(i).normal(0, 0.3, len(labels)) for i in range(count)]
    images = shared(labels, patients, *scores, thresholds=[1.0 + 0.1 * i for i in range(count)])
    runs = [replace(run, name=name) for run, name in zip(images.runs, names, strict=False)]
    return replace(images, runs=[*runs, *images.runs[len(runs) :]])


def drawn(images):
    """Render the figure without warnings; return it with the comparison."""
    comparison = compare_runs(images, ["auroc"], 99)
    figure = compared_roc_figure(images, comparison)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(figure).draw()
    return figure, comparison


def curves(axes):
    return [line for line in axes.lines if not line.get_label().startswith("_")]


def test_curves_and_operating_points_match_scikit_learn():
    images = images_of(3)
    figure, _ = drawn(images)
    axes, (inset,) = figure.axes[0], figure.axes[0].child_axes
    for where in (axes, inset):
        dots = [line for line in where.lines if line.get_marker() == "o"]
        for run, line, dot in zip(images.runs, curves(where), dots, strict=True):
            false, true, _ = sk.roc_curve(images.labels, run.logits, drop_intermediate=False)
            np.testing.assert_allclose(line.get_xydata(), np.column_stack([false, true]))
            sensitivity, specificity = (sk.recall_score(images.labels, run.decisions, pos_label=c) for c in (1, 0))
            np.testing.assert_allclose(dot.get_xydata(), [[1 - specificity, sensitivity]])


def test_legend_has_each_auroc_with_its_interval():
    images = images_of(3)
    figure, comparison = drawn(images)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [
        "{letter}  {name}: {value:.4f} ({low:.4f} to {high:.4f})".format(**run, **run["metrics"]["auroc"])
        for run in comparison["runs"]
    ]
    assert "60 images of 25 patients" in figure.axes[0].get_title(loc="left")
    assert NOTICE in [text.get_text() for text in figure.texts]


def test_runs_look_different_and_all_text_is_inside():
    figure, _ = drawn(images_of(28))
    looks = [(line.get_color(), line.get_linestyle()) for line in curves(figure.axes[0])]
    assert len(set(looks)) == 28
    box = figure.bbox
    for text in (*figure.legends[0].get_texts(), *figure.texts, figure.axes[0].xaxis.label):
        extent = text.get_window_extent()
        assert box.x0 <= extent.x0
        assert extent.x1 <= box.x1
        assert box.y0 <= extent.y0
    # The legend is below the axes and its labels.
    assert figure.legends[0].get_window_extent().y1 <= figure.axes[0].xaxis.label.get_window_extent().y0


@pytest.mark.parametrize("name", ["$x_{", "$x_{$", "_hidden", "n" * 500, "<b>&amp;", "Größe"])
def test_names_are_plain_text(name):
    figure, _ = drawn(images_of(2, names=[name]))
    text = figure.legends[0].get_texts()[0]
    expected = name if len(name) <= MAX_NAME else "n" * 10
    assert text.get_text().startswith(f"A  {expected}")
    assert text.get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_curve(label):
    labels, patients, logits = draw()
    figure, _ = drawn(shared(np.full_like(labels, label), patients, logits, -logits))
    assert "a class is absent" in [text.get_text().partition(": ")[2] for text in figure.axes[0].texts]
    assert not figure.axes[0].child_axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "A  cnn/version_0: not defined", "B  cnn/version_1: not defined"
    ]  # fmt: skip


def test_inset_shows_the_corner():
    images = images_of(2)
    figure, _ = drawn(images)
    (inset,) = figure.axes[0].child_axes
    side = corner_of([roc_points(images.labels, run.logits) for run in images.runs])
    assert side in ZOOMS
    assert inset.get_xlim() == pytest.approx((-0.03 * side, 1.03 * side))
    assert inset.get_ylim() == pytest.approx((1 - 1.03 * side, 1 + 0.03 * side))


def curve(*points):
    return tuple(np.array(column, dtype=float) for column in zip((0, 0), *points, (1, 1), strict=True))


PERFECT, GOOD, FAIR, CHANCE = curve((0, 1)), curve((0.04, 0.96)), curve((0.3, 0.7)), curve()


@pytest.mark.parametrize(
    ("lines", "side"),
    [
        ([PERFECT], 0.02),
        ([GOOD], 0.1),
        ([PERFECT, GOOD], 0.1),
        ([GOOD, FAIR], 0.1),
        ([FAIR], None),
        # The inset would hide the poor curve.
        ([PERFECT, CHANCE], None),
        ([], None),
    ],
)
def test_corner_fits_the_curves_near_it(lines, side):
    assert corner_of(lines) == side
