"""From an image file to the picture of its explanation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from xray.data.decode.image import UnreadableImageError, load_image, read_image, shrink_image
from xray.explain.figure import explanation_figure
from xray.explain.maps import Method, explain_image
from xray.predictor.decision_model import DecisionModel, ImagePrediction

LONGER_SIDE: Final = 1000
"""Of an image as drawn, in pixels."""
DOTS_PER_INCH: Final = 150


def draw_image(
    path: Path, picture: Path, decision_model: DecisionModel, methods: Sequence[Method]
) -> ImagePrediction | str:
    """Judge an image, explain it, and write the figure as PNG.

    Args:
        path: The image's file.
        picture: Where to write.
        decision_model: The model.
        methods: The maps wanted.

    Returns:
        What the model says, or, where nothing was written, why not.

    Raises:
        UserError: The model gives no numbers.
        OSError: The picture cannot be written.
    """
    manifest = decision_model.predictor.manifest
    try:
        images = np.stack([load_image(path, manifest.image_size, manifest.resize)])
        prediction = decision_model(images)[0]
        if prediction.reject_reason:
            return f"rejected {path}: {prediction.reject_reason}"
        shown = read_image(path, LONGER_SIDE)
    except UnreadableImageError as error:
        return f"cannot read {path}: {error}"
    explanations = [explain_image(decision_model.predictor, images[0], method) for method in methods]
    figure = explanation_figure(path.name, shrink_image(shown, LONGER_SIDE), prediction, explanations, manifest)
    figure.savefig(picture, dpi=DOTS_PER_INCH)
    return prediction
