"""Draw an image next to its maps, with their scales."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xray import NOTICE
from xray.data.decode.image import GreyImage
from xray.explain.maps import TITLES, Explanation
from xray.explain.overlay import colours, heat_layer, over_grey
from xray.predictor.decision_model import ImagePrediction
from xray.predictor.manifest import Manifest
from xray.utils.text import printable, shortened

PANEL: Final = 4.6
"""Longer side of an image as drawn, in inches."""
GREY: Final = 128
"""Grey level under the colours of a scale."""


def explanation_figure(
    name: str, image: GreyImage, prediction: ImagePrediction, explanations: Sequence[Explanation], manifest: Manifest
) -> Figure:
    """Draw one image and its maps.

    Args:
        name: Name of the image, for the heading.
        image: The image in its own aspect ratio, shape (height, width).
        prediction: The model's prediction.
        explanations: Its maps, one panel each.
        manifest: The model's manifest.
    """
    height, width = image.shape
    across, down = (max(0.35, side / max(image.shape)) * PANEL for side in (width, height))
    panels = 1 + len(explanations)
    # Laid out by hand in inches, so no layout engine is needed.
    gap, top = 0.3, 0.95
    wide = max(8.6, panels * across + (panels + 1) * gap)
    sentences = [f"{TITLES[one.method]}: {one.caveat}" for one in explanations]
    lines = [line for sentence in sentences for line in wrap(sentence, int(wide * 15))]
    bottom = 0.95 + 0.14 * len(lines)
    total = wide, top + down + bottom
    left = (wide - panels * across - (panels - 1) * gap) / 2
    figure = Figure(figsize=total)
    _heading(figure, name, prediction, manifest)
    for i in range(panels):
        start = left + i * (across + gap)
        axes = figure.add_axes((start / wide, bottom / total[1], across / wide, down / total[1]))
        axes.axis("off")
        if i == 0:
            axes.set_title("Image", fontsize=10)
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect="auto")
            continue
        explanation = explanations[i - 1]
        axes.set_title(TITLES[explanation.method], fontsize=10)
        axes.imshow(over_grey(image, heat_layer(explanation, (height, width), manifest.resize)), aspect="auto")
        bar = min(across, 3.2)
        box = (start + (across - bar) / 2) / wide, (bottom - 0.3) / total[1], bar / wide, 0.14 / total[1]
        _scale(figure.add_axes(box), explanation.limit, manifest.class_names)
    figure.text(0.5, 0.12 / total[1], "\n".join(lines), ha="center", va="bottom", fontsize=8)
    return figure


def _heading(figure: Figure, name: str, prediction: ImagePrediction, manifest: Manifest) -> None:
    negative, positive = (printable(one) for one in manifest.class_names)
    height = figure.get_figheight()
    lines = (
        (shortened(printable(name), 80), 0.12, 12, "bold"),
        (
            f"{printable(prediction.decision)}: calibrated probability of {positive} {prediction.probability:.4f}, "
            f"threshold {manifest.threshold:.4f} (below it {negative}); logit {prediction.logit:+.2f}",
            0.38,
            9,
            "normal",
        ),
        (NOTICE, 0.58, 8, "normal"),
    )
    for text, inches, size, weight in lines:
        # File names may contain dollar signs, which matplotlib would parse as formulas.
        figure.text(
            0.5, 1 - inches / height, text, ha="center", va="top", fontsize=size, fontweight=weight, parse_math=False
        )


def _scale(axes: Axes, limit: float, class_names: tuple[str, str]) -> None:
    values = np.linspace(-1, 1, 256)[None]
    grey = np.full(values.shape, GREY, np.uint8)
    axes.imshow(over_grey(grey, colours(values)), aspect="auto", extent=(-limit, limit, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([-limit, 0, limit], [f"{-limit:.2g}", "0", f"+{limit:.2g}"], fontsize=8)
    axes.tick_params(length=2, pad=2)
    label = "   logit   ".join((f"← for {printable(class_names[0])}", f"for {printable(class_names[1])} →"))
    axes.set_xlabel(label, fontsize=8, labelpad=2, parse_math=False)
