"""Explain one image by Grad-CAM or occlusion (does not import torch itself)."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from xray.data.arrays import GreyImage
from xray.explain.occlusion import occlusion
from xray.predictor.base import Predictor
from xray.predictor.manifest import Manifest
from xray.utils.errors import UserError

Method = Literal["gradcam", "occlusion"]
TITLES: Final[dict[Method, str]] = {"gradcam": "Grad-CAM", "occlusion": "Occlusion"}

CAVEATS: Final[dict[Method, str]] = {
    "gradcam": (
        "This is not an outline of a finding and no proof that one is present or absent: it shows which coarse cells "
        "raised or lowered this model's logit, for medical reasons or others."
    ),
    "occlusion": (
        "This is not an outline of a finding and no proof that one is present or absent: it shows how much this "
        "model's logit changes when a patch is blurred, for medical reasons or others."
    ),
}
"""The limits of each method in one sentence; shown next to every map."""

MIN_LIMIT: Final = 0.1
"""Minimum limit of a colour scale, in logits. It moves a probability by at most 2.5 percentage points, so a map below
it should look faint: no single region mattered."""


@dataclass(frozen=True)
class Explanation:
    """A map over an image.

    Args:
        method: How it was computed.
        values: Shape (height, width), float64, in logits, over the square that the network saw: above 0 supports the
            positive class, below 0 the negative one.
        limit: Absolute value at which the colours saturate: the largest one in the map, at least `MIN_LIMIT`.
        caveat: The limits of the method, in one sentence.
    """

    method: Method
    values: npt.NDArray[np.float64]
    limit: float
    caveat: str

    @classmethod
    def of(cls, method: Method, values: npt.NDArray[np.float64]) -> "Explanation":
        """Add the limit of the scale and the caveat to a map.

        Raises:
            UserError: A value is not finite.
        """
        if not np.isfinite(values).all():
            raise UserError(
                "The model's output for this image is not finite, as its training diverged: use a lower learning rate."
            )
        return cls(method, values, max(MIN_LIMIT, float(np.abs(values).max())), CAVEATS[method])


def methods_of(manifest: Manifest) -> list[Method]:
    """Return the methods that a model supports, the default first (Grad-CAM needs only one pass)."""
    return ["gradcam", "occlusion"] if manifest.has_grad_cam else ["occlusion"]


def explain_image(predictor: Predictor, image: GreyImage, method: Method) -> Explanation:
    """Map what moved the logit of one image.

    Args:
        predictor: The model.
        image: Shape (size, size), from `xray.data.decode.image.load_image` with the manifest's size and resize rule.
        method: One of `methods_of(predictor.manifest)`.

    Raises:
        UserError: The network does not support Grad-CAM, or its output is not finite.
    """
    if method == "gradcam":
        return Explanation.of(method, predictor.grad_cam(image[None])[0])
    return Explanation.of(method, occlusion(predictor.logits, image))
