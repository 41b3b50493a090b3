"""Draw the explanation of one image file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from xray.data.decode.image import load_image, read_image, shrink_image
from xray.explain.figure import explanation_figure
from xray.explain.maps import Method, explain_image
from xray.predictor.decision_model import DecisionModel, ImagePrediction

MAX_SIDE: Final = 1000
"""Maximum side of the image as drawn, in pixels."""
DOTS_PER_INCH: Final = 150


def draw_image(path: Path, out: Path, decision_model: DecisionModel, methods: Sequence[Method]) -> ImagePrediction:
    """Predict an image and, unless it is rejected, write a figure of its maps.

    Args:
        path: The image file.
        out: The PNG to write.
        decision_model: The model.
        methods: Methods of the maps.

    Raises:
        UnreadableImageError: The image cannot be read.
        UserError: The model's logit is not finite.
        OSError: The figure cannot be written.
    """
    manifest = decision_model.predictor.manifest
    images = np.stack([load_image(path, manifest.image_size, manifest.resize)])
    prediction = decision_model(images)[0]
    if prediction.reject_reason:
        return prediction
    shown = read_image(path, MAX_SIDE)
    explanations = [explain_image(decision_model.predictor, images[0], method) for method in methods]
    figure = explanation_figure(path.name, shrink_image(shown, MAX_SIDE), prediction, explanations, manifest)
    figure.savefig(out, dpi=DOTS_PER_INCH)
    return prediction
