"""Figures render for any images and show the right numbers."""

import io
import os
import warnings

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sk

from xray.callbacks.plots import curves_figure, images_figure

# Undefined metrics must not warn.
pytestmark = pytest.mark.filterwarnings("error")

CLASSES = ("NORMAL", "PNEUMONIA")


def render(figure):
    """Render to PNG without warnings and return its size."""
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(png, format="png", dpi=50)
    rendered = Image.open(png)
    assert rendered.format == "PNG"
    assert len(set(rendered.convert("L").tobytes())) > 2
    return rendered.size


@pytest.fixture
def scored():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 80)
    # Two digits make ties.
    return labels, np.round(np.clip(rng.normal(0.35 + 0.3 * labels, 0.2), 0, 1), 2)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([0, 0, 0], [0.1, 0.2, 0.7]),
        ([1, 1, 1], [0.1, 0.2, 0.7]),
        ([1], [0.9]),
        ([0], [0.9]),
        ([1], [0.1]),
        ([0, 1, 1], [0.5, 0.5, 0.5]),
        ([0, 1], [0.0, 1.0]),
    ],
)
def test_curves_render_for_few_images(labels, scores):
    render(curves_figure(np.array(labels), np.array(scores), 0.5, CLASSES, "Images"))


def test_curves_show_the_metrics(scored):
    labels, scores = scored
    figure = curves_figure(labels, scores, 0.3, CLASSES, "80 validation images, epoch 4")
    render(figure)
    roc, precision_recall, matrix = figure.axes
    assert figure.get_suptitle() == "80 validation images, epoch 4"
    assert roc.get_title() == f"ROC curve, AUROC {sk.roc_auc_score(labels, scores):.4f}"
    assert (
        precision_recall.get_title() == f"Precision-recall curve, AP {sk.average_precision_score(labels, scores):.4f}"
    )
    assert matrix.get_title() == "Decisions at threshold 0.300"
    counts = sk.confusion_matrix(labels, scores >= 0.3)
    shares = counts / counts.sum(axis=1, keepdims=True)
    shown = {(text.get_position()[::-1]): text.get_text() for text in matrix.texts}
    assert shown == {(i, j): f"{counts[i, j]}\n{shares[i, j]:.1%}" for i in range(2) for j in range(2)}
    assert matrix.get_xlabel() == "Decision"
    assert [tick.get_text() for tick in matrix.get_yticklabels()] == list(CLASSES)


def test_curves_match_scikit_learn(scored):
    labels, scores = scored
    roc, precision_recall, _ = curves_figure(labels, scores, 0.3, CLASSES, "Images").axes
    false, true, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.lines[1].get_xydata(), np.column_stack([false, true]))
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    # Scikit-learn goes the other way, and begins at precision 1 by convention.
    np.testing.assert_allclose(precision_recall.lines[0].get_xydata()[1:], np.column_stack([recall, precision])[-2::-1])
    decided = scores >= 0.3
    sensitivity, specificity = (sk.recall_score(labels, decided, pos_label=c) for c in (1, 0))
    np.testing.assert_allclose(roc.lines[2].get_xydata(), [[1 - specificity, sensitivity]])
    marked = [[sensitivity, sk.precision_score(labels, decided)]]
    np.testing.assert_allclose(precision_recall.lines[1].get_xydata(), marked)


def images(count):
    return [np.full((8, 8), i / max(count, 1), dtype=np.float32) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 5, 6, 7])
def test_image_grid_renders_any_number_of_images(count):
    figure = images_figure(images(count), [f"image {i}" for i in range(count)], "Worst images", columns=3)
    render(figure)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [f"image {i}" for i in range(count)]
    for axes, image in zip(shown, images(count), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), image)
        # The same grey scale for all images.
        assert axes.images[0].get_clim() == (0, 1)
    assert figure.get_suptitle() == "Worst images"


def test_captions_may_be_names_of_any_bytes():
    figure = images_figure(images(1), [os.fsdecode(b"\xe9 $x$.jpeg") + "\nNORMAL"], "Worst images")
    render(figure)
    assert figure.axes[0].get_title().splitlines()[1] == "NORMAL"


def test_empty_image_grid_says_none():
    assert [text.get_text() for text in images_figure([], [], "Worst images").axes[0].texts] == ["none"]
