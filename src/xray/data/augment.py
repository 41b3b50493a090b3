"""Augmentation for chest films, drawn anew for every image of a batch, on the device that trains."""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as nnf

from xray.errors import UserError


@dataclass(frozen=True)
class Augmentation:
    """Largest strengths; each image draws its own, uniformly between minus and plus. Zero turns one off.

    There is no flip: the heart lies on the left.

    Args:
        rotation: Degrees either way.
        shift: Fraction of the side, along each axis.
        scale: Relative change of size: 0.1 is from 0.9 to 1.1.
        exposure: Natural logarithm of the gamma exponent: 0.2 is from 0.82 to 1.22.
        contrast: Relative change of the distance from the film's mean grey: 0.2 is from 0.8 to 1.2.
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


def augment(films: Tensor, strengths: Augmentation) -> Tensor:
    """Expose and move each film differently.

    Args:
        films: Shape (batch, 1, size, size), uint8.
        strengths: How far at most.

    Returns:
        Films of the same shape, float32, from 0 to 1. What comes in from outside the film is black.
    """
    images = _expose(films, strengths) if strengths.exposure or strengths.contrast else films.float() / 255
    if strengths.rotation or strengths.shift or strengths.scale:
        places = _places(_random_affine(images, strengths), images.shape[-1])
        images = nnf.grid_sample(images, places, mode="bilinear", padding_mode="zeros", align_corners=False)
    return images


def _expose(films: Tensor, strengths: Augmentation) -> Tensor:
    """Gamma, looked up for each of the 256 greys rather than computed for each pixel, then contrast about the mean."""
    gamma = (_uniform(films) * strengths.exposure).exp()
    curves = (torch.arange(256, device=films.device) / 255) ** gamma[:, None]
    images = curves.gather(1, films.flatten(1).long()).view(films.shape)
    factor = (1 + _uniform(films) * strengths.contrast)[:, None, None, None]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return images.mul_(factor).add_(mean * (1 - factor)).clamp_(0, 1)


def _random_affine(images: Tensor, strengths: Augmentation) -> Tensor:
    """One 2x3 matrix for each image: rotation and scale about the centre, then a shift; shape (batch, 2, 3)."""
    angle = _uniform(images) * math.radians(strengths.rotation)
    zoom = 1 + _uniform(images) * strengths.scale
    # The matrix maps output to input places, which span -1 to 1: hence the division and the factor two.
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    x, y = (2 * strengths.shift * _uniform(images) for _ in range(2))
    return torch.stack([torch.stack([cos, -sin, x], dim=1), torch.stack([sin, cos, y], dim=1)], dim=1)


def _places(matrices: Tensor, size: int) -> Tensor:
    """Where in its film each pixel of an image comes from, shape (batch, size, size, 2).

    The same as `torch.nn.functional.affine_grid`, by one sum instead of a matrix product for each pixel, which on a
    processor takes longer than all the rest.
    """
    centres = (2 * torch.arange(size, device=matrices.device) + 1) / size - 1
    along_rows = matrices[:, :, 0, None] * centres
    down_columns = matrices[:, :, 1, None] * centres + matrices[:, :, 2, None]
    return (down_columns[:, :, :, None] + along_rows[:, :, None, :]).permute(0, 2, 3, 1)


def _uniform(images: Tensor) -> Tensor:
    """One number from -1 to 1 for each image."""
    return torch.rand(len(images), device=images.device) * 2 - 1
