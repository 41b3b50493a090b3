"""Input ablations: images with the lungs hidden, on which a model should do no better than chance.

Maguolo and Nanni (Information Fusion 76 (2021) 1-7) classified the sources of chest X-rays with the lungs masked. A
model whose AUROC on these images is clearly above 0.5 has found a shortcut: markers, collimation, exposure, the
shape of the body.

The fractions below were chosen on 600 images of each class of the public paediatric set (training folders, stretched to
128x128), by eye on contact sheets and by lung masks from a local threshold, which succeeded on 573 normal and
334 pneumonia images; consolidated lungs have no dark outline, so the values for pneumonia are those of milder cases.
"""

from collections.abc import Callable
from typing import Final

from xray.data.arrays import Images

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


ABLATIONS: Final[dict[str, Callable[[Images, int], Images]]] = {
    "border_only": border_only,
    "centre_masked": centre_masked,
}
"""Each ablation by its name: images and a grey level in, images out."""


def _without_centre(images: Images, grey: int, margin: float) -> Images:
    """Return copies of images, grey except for a margin, which is a fraction of the side."""
    size = images.shape[-1]
    width = round(margin * size)
    result = images.copy()
    result[:, width : size - width, width : size - width] = grey
    return result
