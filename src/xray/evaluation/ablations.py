"""Input ablations: images with the lungs hidden, on which a model should do no better than chance.

Maguolo and Nanni (Information Fusion 76 (2021) 1-7) classified the sources of chest X-rays with the lungs masked. A
model whose AUROC on these images is clearly above 0.5 has found a shortcut: markers, collimation, exposure, the
shape of the body.

The fractions below were chosen on 600 images of each class of the public paediatric set (training folders, stretched to
128x128), by eye on contact sheets and by lung masks from a local threshold, which succeeded on 573 normal and
334 pneumonia images; consolidated lungs have no dark outline, so the values for pneumonia are those of milder cases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from xray.data.arrays import Images
from xray.utils.errors import UserError, failure_of

AblationFunction = Callable[[Images, int], Images]
"""Returns images of shape (images, size, size), dtype uint8, with a part hidden by a grey level."""

FRAME_FRACTION: Final = 0.08
"""Width of the frame that `border_only` keeps. It contained at most 1% of the lungs' area in 97% of normal and 87% of
pneumonia images, and most markers stay legible; at 0.10 this holds for 91% and 72% only."""

CENTRE_FRACTION: Final = 0.7
"""Side of the square that `centre_masked` hides. On average it covered 97% of the lungs' area in normal and 95% in
pneumonia images, and at least 92% and 85% in 19 of 20 images. At 0.8 it would cover the rest, but also the outline
of chest, shoulders and diaphragm, and leave little more than `border_only`."""


def border_only(images: Images, grey: int) -> Images:
    """Keep a frame along the four edges, with markers, collimation and image edges but hardly any lung.

    Args:
        images: Shape (images, size, size), dtype uint8, with a size of at least 16.
        grey: Grey level of everything else, from 0 to 255; the training mean is the least unusual value for a network.

    Returns:
        New images of the same shape.
    """
    return _without_centre(images, grey, FRAME_FRACTION)


def centre_masked(images: Images, grey: int) -> Images:
    """Hide the central square, with most of both lungs; neck, shoulders, flanks and belly stay.

    Arguments and result are those of `border_only`.
    """
    return _without_centre(images, grey, (1 - CENTRE_FRACTION) / 2)


def _without_centre(images: Images, grey: int, margin: float) -> Images:
    """Return copies of images, grey except for a margin, which is a fraction of the side."""
    size = images.shape[-1]
    width = round(margin * size)
    result = images.copy()
    result[:, width : size - width, width : size - width] = grey
    return result


@dataclass(frozen=True)
class Ablation:
    """One way to hide a part of the images from a model.

    Args:
        hide: Images and a grey level in, images out.
        title: Name for people.
        meaning: What is left to see, in one line.
        lungs_hidden: Whether most of the lungs are hidden, so that an AUROC above chance is a warning.
    """

    hide: AblationFunction
    title: str
    meaning: str
    lungs_hidden: bool = True


ABLATIONS: Final[dict[str, Ablation]] = {
    "border_only": Ablation(border_only, "Border only", "The model is shown only the border of each image."),
    "centre_masked": Ablation(
        centre_masked, "Centre masked", "The model is shown each image with its centre masked, most of both lungs."
    ),
}
"""All ablations by name, in the order of the report."""
PACKAGED: Final = frozenset(ABLATIONS)


def register_ablation(
    name: str, title: str, meaning: str, lungs_hidden: bool = True
) -> Callable[[AblationFunction], AblationFunction]:
    """Return a decorator that adds a function to the input ablations of `test` and `validate`.

    The function takes images, shape (images, size, size), dtype uint8, and the grey level to hide with; it returns
    images like them.

    Args:
        name: Column in ablations.csv.
        title: Name for people.
        meaning: What is left to see, in one line.
        lungs_hidden: Whether most of the lungs are hidden, so that an AUROC above chance is a warning.

    Raises:
        UserError: The name is taken by an ablation or a shortcut baseline of the package.
    """
    from xray.evaluation.shortcuts import BASELINES

    if name in PACKAGED or name in BASELINES:
        raise UserError(f"register_ablation: the name {name} is taken in xray, give yours another.")

    def register(function: AblationFunction) -> AblationFunction:
        ABLATIONS[name] = Ablation(function, title, meaning, lungs_hidden)
        return function

    return register


def ablate(images: Images, name: str, grey: int) -> Images:
    """Return images with a part hidden.

    Raises:
        UserError: An ablation of one's own fails, or returns something other than such images.
    """
    try:
        result = ABLATIONS[name].hide(images.copy(), grey)  # a copy: one's own may write into it
        if result.shape != images.shape or result.dtype != np.uint8:
            raise ValueError(f"it returns {result.dtype} of shape {result.shape}")
    except Exception as error:
        fix = f"It takes images, here uint8 of shape {images.shape}, and a grey level, and returns images like them."
        raise failure_of(f"The ablation {name}", error, fix) from error
    return result
