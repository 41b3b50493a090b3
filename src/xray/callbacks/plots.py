"""Figures for experiment loggers: curves with confusion matrix, and image grids."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.curves import precision_recall_points, roc_points
from xray.evaluation.metrics import Confusion
from xray.evaluation.ranking import auroc, average_precision
from xray.utils.text import printable

LINE = "#1f5fa8"
FAINT = "#9aa4b0"


def curves_figure(labels: Labels, scores: Scores, threshold: float, class_names: Sequence[str], title: str) -> Figure:
    """Draw ROC curve, precision-recall curve and confusion matrix side by side; scores are probabilities."""
    # Fixed margins: automatic layout takes longer than drawing, and this runs every epoch.
    figure = Figure(figsize=(12.5, 4.6))
    margins = {"left": 0.055, "right": 0.99, "bottom": 0.12, "top": 0.84, "wspace": 0.2}
    roc, precision_recall, matrix = figure.subplots(1, 3, gridspec_kw=margins)
    confusion = Confusion.of(labels, (scores >= threshold).astype(np.int64))
    sensitivity, specificity = float(confusion.sensitivity[0]), float(confusion.specificity[0])

    roc.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1)
    roc.plot(*roc_points(labels, scores), color=LINE)
    roc.plot(1 - specificity, sensitivity, "o", color=LINE)
    _frame(roc, "1 - specificity", "Sensitivity", f"ROC curve, AUROC {auroc(labels, scores):.4f}")

    recall, precision = precision_recall_points(labels, scores)
    precision_recall.step(np.append(0, recall), np.append(precision[:1], precision), color=LINE)
    predicted_positive = confusion.tp + confusion.fp
    if predicted_positive[0]:
        precision_recall.plot(sensitivity, float(confusion.tp[0] / predicted_positive[0]), "o", color=LINE)
    precision_recall.axhline(float(labels.mean()), color=FAINT, linestyle=":", linewidth=1)
    average = average_precision(labels, scores)
    _frame(precision_recall, "Recall (sensitivity)", "Precision", f"Precision-recall curve, AP {average:.4f}")

    counts = np.array([[confusion.tn[0], confusion.fp[0]], [confusion.fn[0], confusion.tp[0]]], dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    matrix.imshow(shares, cmap="Blues", vmin=0, vmax=1.3)
    for row, column in np.ndindex(2, 2):
        text = f"{counts[row, column]}\n{shares[row, column]:.1%}"
        matrix.text(
            column, row, text, ha="center", va="center", color="white" if shares[row, column] > 0.7 else "black"
        )
    matrix.set_xticks([0, 1], class_names)
    matrix.set_yticks([0, 1], class_names, rotation=90, va="center")
    matrix.set(xlabel="Decision", ylabel="Label", title=f"Decisions at threshold {threshold:.3f}")
    figure.suptitle(title, fontweight="bold")
    return figure


def images_figure(
    images: Sequence[npt.NDArray[np.float32]], captions: Sequence[str], title: str, columns: int = 6
) -> Figure:
    """Draw grey images of shape (height, width), 0 to 1, in a grid, each with a caption above."""
    columns = min(columns, max(len(images), 1))
    rows = max(1, -(-len(images) // columns))
    width, height = 2.1 * columns, 2.5 * rows + 0.4
    figure = Figure(figsize=(width, height))
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.1 / height, "top": 1 - 0.75 / height}
    grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw={**margins, "wspace": 0.04, "hspace": 0.22})
    for axes in np.ravel(grid):
        axes.axis("off")
    for axes, image, caption in zip(figure.axes, images, captions, strict=False):
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.set_title("\n".join(map(printable, caption.splitlines())), fontsize=7)
    if not images:
        figure.axes[0].text(0.5, 0.5, "none", ha="center", va="center", color=FAINT)
    figure.suptitle(title, fontsize=10, fontweight="bold")
    return figure


def _frame(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set(xlabel=x, ylabel=y, title=title, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")
    axes.grid(color="#e6e9ed", linewidth=0.8)
    axes.set_axisbelow(True)
