"""What every kind of model can be asked."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.predictor.manifest import Manifest, Scores
from xray.utils.errors import UserError

Maps = npt.NDArray[np.float64]
"""Shape (images, height, width)."""

BATCH = 32
"""Images through a network at a time, where no one says otherwise."""


class Predictor(Protocol):
    """A model that is ready to answer; safe to be asked by several threads."""

    path: Path
    manifest: Manifest

    def logits(self, images: Images) -> Scores:
        """Raw outputs for the positive class.

        Args:
            images: Made by `xray.data.decode.image.load_image` with the manifest's size and resize rule.

        Returns:
            Shape (images,), float64.
        """

    def grad_cam(self, images: Images) -> Maps:
        """How much each part of an image adds to its logit, by Grad-CAM at the last convolution.

        Selvaraju et al., Grad-CAM (ICCV 2017), without the rectifier: what speaks for the negative class stays, below
        0. For networks that end in average pooling and a linear layer the cells of a map add up to the logit less a
        constant, and the map is the class activation map of Zhou et al. (CVPR 2016).

        Args:
            images: As for `logits`.

        Returns:
            Shape (images, height, width), float64, in units of the logit; coarse, some 4x4 cells for images of 128.

        Raises:
            UserError: The network has none, see `Manifest.has_grad_cam`.
        """


def unusable(path: Path, reason: object) -> UserError:
    """What to say of an exported file that cannot be opened."""
    told = " ".join(str(reason).split())[:200]
    return UserError(f"{path} cannot be used here ({told}): export it anew with 'python -m xray export'.")


def no_grad_cam(path: Path) -> UserError:
    """What to say where a model has no Grad-CAM: not all networks have, and no export whose logit is no sum of it."""
    return UserError(f"{path} has no Grad-CAM: take --method occlusion.")
