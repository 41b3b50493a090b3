"""One interface to all maps of what moved a model's number; nothing of torch here but what the predictor brings."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from xray.data.decode.image import GreyImage
from xray.explain.occlusion import occlusion
from xray.predictor.base import Predictor
from xray.predictor.manifest import Manifest
from xray.utils.errors import UserError

Method = Literal["gradcam", "occlusion"]
TITLES: Final[dict[Method, str]] = {"gradcam": "Grad-CAM", "occlusion": "Occlusion"}

CAVEATS: Final[dict[Method, str]] = {
    "gradcam": (
        "This is no outline of a finding and no proof that one is there or is not: it shows which coarse cells added "
        "to this model's number and which took from it, whether or not medicine knows a reason."
    ),
    "occlusion": (
        "This is no outline of a finding and no proof that one is there or is not: it shows how far this model's "
        "number falls or rises while a patch is blurred away, whether or not medicine knows a reason."
    ),
}
"""What a map is not, in one sentence; stands beside every map."""

BASELINE: Final = 0.1
"""The smallest limit of a scale, in units of the logit. That much moves a probability by 2.5 percentage points at most
(at one half, by less elsewhere): a map below it says that no single place mattered, and should look like that."""


@dataclass(frozen=True)
class Explanation:
    """A map over an image.

    Args:
        method: How it was made.
        values: Shape (height, width), float64, in units of the logit, over the square that the network saw: above 0
            speaks for the positive class, below for the negative one.
        limit: Where its colours saturate, at plus and minus: the largest absolute value, but `BASELINE` at least.
        caveat: What it is not, one sentence.
    """

    method: Method
    values: npt.NDArray[np.float64]
    limit: float
    caveat: str

    @classmethod
    def of(cls, method: Method, values: npt.NDArray[np.float64]) -> "Explanation":
        """What a method found, with the limit of its scale.

        Raises:
            UserError: Some are no numbers.
        """
        if not np.isfinite(values).all():
            raise UserError("The model gives no number for this image: its training diverged; train with a lower rate.")
        return cls(method, values, max(BASELINE, float(np.abs(values).max())), CAVEATS[method])


def methods_of(manifest: Manifest) -> list[Method]:
    """What a model can be asked for; the default first: Grad-CAM takes one pass."""
    return ["gradcam", "occlusion"] if manifest.has_grad_cam else ["occlusion"]


def explain_image(predictor: Predictor, image: GreyImage, method: Method) -> Explanation:
    """Map what moved the logit of one image.

    Args:
        predictor: The model.
        image: Shape (size, size), made by `xray.data.decode.image.load_image` with the manifest's size and resize rule.
        method: One of `methods_of` the model.

    Raises:
        UserError: The network has no Grad-CAM, and that is asked for; or it gives no numbers.
    """
    if method == "gradcam":
        return Explanation.of(method, predictor.grad_cam(image[None])[0])
    return Explanation.of(method, occlusion(predictor.logits, image))
