"""Interface of the predictors."""

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.evaluation.arrays import Scores
from xray.predictor.manifest import Manifest
from xray.utils.errors import UserError

Maps = npt.NDArray[np.float64]
"""Grad-CAM maps, shape (images, height, width), float64."""

BATCH = 32
"""Default number of images per forward pass."""


class Predictor(Protocol):
    """A loaded model; thread-safe."""

    path: Path
    manifest: Manifest

    def logits(self, images: Images) -> Scores:
        """Return the logits of the positive class.

        Args:
            images: Made by `xray.data.decode.image.load_image` with the manifest's size and resize rule.

        Returns:
            Shape (images,), float64.
        """

    def grad_cam(self, images: Images) -> Maps:
        """Return Grad-CAM maps at the last convolution: how much each part of an image adds to its logit.

        Selvaraju et al., Grad-CAM (ICCV 2017), but without the ReLU, so that evidence for the negative class is
        negative. For networks that end in average pooling and a linear layer, the cells of a map add up to the logit
        minus a constant, and the map is the class activation map of Zhou et al. (CVPR 2016).

        Args:
            images: As for `logits`.

        Returns:
            Shape (images, height, width), float64, in logit units; coarse, about 4x4 cells for images of 128 pixels.

        Raises:
            UserError: The model has no Grad-CAM, see `Manifest.has_grad_cam`.
        """


def unusable_error(path: Path, reason: object) -> UserError:
    """Return the error for an exported file that cannot be opened."""
    text = " ".join(str(reason).split())[:200]
    return UserError(f"{path} cannot be used here ({text}): export it again with 'python -m xray export'.")


def no_grad_cam_error(path: Path) -> UserError:
    """Return the error for a model without Grad-CAM, such as a transformer or an export without an exact map."""
    return UserError(f"{path} has no Grad-CAM: use --method occlusion.")
