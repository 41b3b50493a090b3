"""Draw an image next to its maps, with their scales."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xray import NOTICE
from xray.data.arrays import GreyImage
from xray.explain.maps import TITLES, Explanation
from xray.explain.overlay import colours, heat_layer, over_grey
from xray.predictor.decision_model import ImagePrediction
from xray.predictor.manifest import Manifest
from xray.utils.glyphs import drawable
from xray.utils.text import shortened

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
    panels = 1 + len(explanations)
    across, down = (max(0.35, side / max(image.shape)) * PANEL for side in image.shape[::-1])
    width = max(8.6, panels * (across + 0.3))
    caveats = [f"{TITLES[one.method]}: {one.caveat}" for one in explanations]
    lines = [line for caveat in caveats for line in wrap(caveat, int(width * 15))]
    figure = Figure(figsize=(width, down + 2 + 0.14 * len(lines)), layout="constrained")
    _heading(figure, name, prediction, manifest)
    figure.supxlabel("\n".join(lines), fontsize=8)
    # The scales are in a second row, below their maps.
    axes, scales = figure.subplots(2, panels, height_ratios=(down, 0.14), squeeze=False)
    for one in (*axes, scales[0]):
        one.axis("off")
    axes[0].set_title("Image", fontsize=10)
    axes[0].imshow(image, cmap="gray", vmin=0, vmax=255)
    for one, scale, explanation in zip(axes[1:], scales[1:], explanations, strict=True):
        one.set_title(TITLES[explanation.method], fontsize=10)
        one.imshow(over_grey(image, heat_layer(explanation, image.shape, manifest.resize)))
        _scale(scale, explanation.limit, manifest.class_names)
    return figure


def _heading(figure: Figure, name: str, prediction: ImagePrediction, manifest: Manifest) -> None:
    negative, positive = (drawable(one) for one in manifest.class_names)
    numbers = (
        f"{drawable(prediction.decision)}: probability of {positive} {prediction.probability:.4f}, "
        f"threshold {manifest.threshold:.4f} (below it {negative}); logit {prediction.logit:+.2f}"
    )
    heading = "\n".join((shortened(drawable(name), 80), numbers, NOTICE))
    # File names may contain dollar signs, which matplotlib would parse as formulas.
    figure.suptitle(heading, fontsize=9, parse_math=False)


def _scale(axes: Axes, limit: float, class_names: tuple[str, str]) -> None:
    values = np.linspace(-1, 1, 256)[None]
    grey = np.full(values.shape, GREY, np.uint8)
    axes.imshow(over_grey(grey, colours(values)), aspect="auto", extent=(-limit, limit, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([-limit, 0, limit], [f"{-limit:.2g}", "0", f"+{limit:.2g}"], fontsize=8)
    axes.tick_params(length=2, pad=2)
    label = "   logit   ".join((f"← for {drawable(class_names[0])}", f"for {drawable(class_names[1])} →"))
    axes.set_xlabel(label, fontsize=8, labelpad=2, parse_math=False)
