"""Training augmentation for chest X-rays, drawn separately for each image, on the training device."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

from xray.utils.errors import UserError

AugmentationStep = Callable[[Any], Any]
"""Takes a batch of images and returns one, as `BatchAugmentation`; or a transform of torchvision."""


class BatchAugmentation(ABC):
    """Changes a batch of images at random, by random numbers of torch, so that runs repeat."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Return images of the same shape.

        Args:
            images: Shape (batch, 1, size, size), uint8 from 0 to 255 or float from 0 to 1.
        """


@dataclass(frozen=True)
class Augmentation(BatchAugmentation):
    """The default augmentation, by maximum strengths.

    Each image draws its own uniformly between minus and plus the maximum; 0 turns one off.

    There is no flip: the heart is on the left.

    Args:
        rotation: Degrees either way.
        shift: Fraction of the side, along each axis.
        scale: Relative change of size: 0.1 means 0.9 to 1.1.
        exposure: Natural logarithm of the gamma exponent: 0.2 means 0.82 to 1.22.
        contrast: Relative change of the distance from the image's mean grey: 0.2 means 0.8 to 1.2.
    """

    rotation: float = 7.0
    shift: float = 0.05
    scale: float = 0.1
    exposure: float = 0.2
    contrast: float = 0.2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value < math.inf:
                raise UserError(f"data.augmentation.{field.name} {value} must be a number from 0 up; 0 turns it off.")
        for name in ("shift", "scale", "contrast"):
            if getattr(self, name) >= 1:
                raise UserError(f"data.augmentation.{name} {getattr(self, name)} must be below 1.")

    def __call__(self, images: Tensor) -> Tensor:
        """See `BatchAugmentation`; areas from outside the original image are black."""
        return augment((images * 255).round().byte() if images.is_floating_point() else images, self)


class PerImage(BatchAugmentation):
    """Apply a transform to each image by itself: those of torchvision draw one random number for a whole batch.

    Args:
        transform: Takes an image of shape (1, size, size) and returns one.
    """

    def __init__(self, transform: AugmentationStep) -> None:
        self.transform = transform

    def __call__(self, images: Tensor) -> Tensor:
        """See `BatchAugmentation`."""
        changed = [self.transform(image) for image in images]
        for image in changed:
            if not isinstance(image, Tensor) or image.shape != changed[0].shape:
                name = type(self.transform).__name__
                raise UserError(f"data.augmentation {name} makes images of several sizes, or no tensors.")
        return torch.stack(changed)


def augmentation_steps(augmentation: AugmentationStep | Sequence[AugmentationStep] | None) -> list[AugmentationStep]:
    """Return the steps of an augmentation; transforms of torchvision are applied image by image.

    Raises:
        UserError: One of them normalises, which the model does itself.
    """
    given = list(augmentation) if isinstance(augmentation, Sequence) else [augmentation] if augmentation else []
    if any(type(step).__name__ == "Normalize" and _is_of_torchvision(step) for step in given):
        raise UserError(
            "data.augmentation Normalize would change training images only: leave it out, the model normalises."
        )
    return [PerImage(step) if _is_of_torchvision(step) else step for step in given]


def augment_batch(images: Tensor, steps: Sequence[AugmentationStep]) -> Tensor:
    """Return images changed by all steps, float32 from 0 to 1.

    Raises:
        UserError: A step returns something else than images of the same shape.
    """
    changed = images
    for step in steps:
        changed = step(changed)
        if not isinstance(changed, Tensor) or changed.shape != images.shape:
            shape = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
            name = type(step.transform if isinstance(step, PerImage) else step).__name__
            raise UserError(
                f"data.augmentation {name} makes {shape} of images of {tuple(images.shape)}: it must keep the shape."
            )
    return changed.float() if changed.is_floating_point() else changed.float() / 255


def _is_of_torchvision(step: AugmentationStep) -> bool:
    return any(base.__module__.startswith("torchvision.transforms") for base in type(step).__mro__)


def augment(images: Tensor, strengths: Augmentation) -> Tensor:
    """Change exposure, contrast and position of each image at random.

    Args:
        images: Shape (batch, 1, size, size), uint8.
        strengths: Maximum strengths.

    Returns:
        Images of the same shape, float32, from 0 to 1. Areas from outside the original image are black.
    """
    augmented = _expose(images, strengths) if strengths.exposure or strengths.contrast else images.float() / 255
    if strengths.rotation or strengths.shift or strengths.scale:
        grid = affine_grid(_random_affine(augmented, strengths), augmented.shape[-1])
        augmented = nnf.grid_sample(augmented, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return augmented


def _expose(images: Tensor, strengths: Augmentation) -> Tensor:
    """Apply gamma, by a lookup table of 256 grey levels, then contrast about the mean."""
    gamma = (_uniform(images) * strengths.exposure).exp()
    curves = (torch.arange(256, device=images.device) / 255) ** gamma[:, None]
    augmented = curves.gather(1, images.flatten(1).long()).view(images.shape)
    factor = (1 + _uniform(images) * strengths.contrast)[:, None, None, None]
    mean = augmented.mean(dim=(1, 2, 3), keepdim=True)
    return augmented.mul_(factor).add_(mean * (1 - factor)).clamp_(0, 1)


def _random_affine(augmented: Tensor, strengths: Augmentation) -> Tensor:
    """Draw a matrix for each image: rotation and scale about the centre, then a shift; shape (batch, 2, 3)."""
    angle = _uniform(augmented) * math.radians(strengths.rotation)
    zoom = 1 + _uniform(augmented) * strengths.scale
    # The matrix maps output to input coordinates, which span -1 to 1: hence the division and the factor two.
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    x, y = (2 * strengths.shift * _uniform(augmented) for _ in range(2))
    return torch.stack([torch.stack([cos, -sin, x], dim=1), torch.stack([sin, cos, y], dim=1)], dim=1)


def affine_grid(matrices: Tensor, size: int) -> Tensor:
    """Return the input coordinates of each output pixel, shape (batch, size, size, 2).

    Equals `torch.nn.functional.affine_grid`, but computed by sums: its matrix product for each pixel takes longer on a
    CPU than the rest of the augmentation.
    """
    centres = (2 * torch.arange(size, device=matrices.device) + 1) / size - 1
    along_rows = matrices[:, :, 0, None] * centres
    down_columns = matrices[:, :, 1, None] * centres + matrices[:, :, 2, None]
    return (down_columns[:, :, :, None] + along_rows[:, :, None, :]).permute(0, 2, 3, 1)


def _uniform(augmented: Tensor) -> Tensor:
    """Draw a number from -1 to 1 for each image."""
    return torch.rand(len(augmented), device=augmented.device) * 2 - 1
