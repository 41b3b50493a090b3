"""Draw schematic frontal chest X-rays: body, lungs, ribs, spine, heart, and opacities for pneumonia.

Coordinates x (to the right of the image) and y (down) run from -1 to 1. All parts add to one map of attenuation, which
a sigmoid turns into grey values: dense parts are bright, as on a radiograph.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Kind = Literal["normal", "bacteria", "virus"]
Map = NDArray[np.float64]

LUNG_X: Final = 0.36
"""Distance of a lung's centre from the midline."""


@dataclass(frozen=True)
class Opacity:
    """A round, soft-edged density in a lung."""

    x: float
    y: float
    radius: float
    density: float


@dataclass(frozen=True)
class Patient:
    """Properties that all images of one patient share."""

    width: float
    height: float
    """Factors of the size of the lungs, about 1."""
    heart: float
    """Radius of the heart."""
    rib_spacing: float
    rib_density: float
    opacities: tuple[Opacity, ...]
    texture: Map
    """Variations of the tissue, shape (64, 64), by which images of two patients differ most."""


def draw_patient(rng: np.random.Generator, kind: Kind = "normal") -> Patient:
    """Draw a patient's build and disease.

    Args:
        rng: The patient's own generator.
        kind: Bacterial pneumonia is one dense opacity in one lung, viral several faint ones in both.
    """
    width, height, heart = rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.1), rng.uniform(0.2, 0.28)
    spacing, density, texture = rng.uniform(0.17, 0.22), rng.uniform(0.2, 0.35), _texture(rng)
    opacities: tuple[Opacity, ...] = ()
    if kind == "bacteria":
        opacities = (_draw_opacity(rng, rng.choice((-1, 1)), radius=(0.15, 0.3), density=(0.5, 1.1)),)
    elif kind == "virus":
        opacities = tuple(_draw_opacity(rng, side, (0.1, 0.2), (0.3, 0.6)) for side in (-1, -1, 1, 1))
    return Patient(width, height, heart, spacing, density, opacities, texture)


def _draw_opacity(
    rng: np.random.Generator, side: int, radius: tuple[float, float], density: tuple[float, float]
) -> Opacity:
    x, y = side * LUNG_X + rng.uniform(-0.08, 0.08), rng.uniform(-0.4, 0.4)
    return Opacity(x, y, rng.uniform(*radius), rng.uniform(*density))


def _texture(rng: np.random.Generator) -> Map:
    coarse, fine = rng.normal(0, 0.09, (12, 12)), rng.normal(0, 0.09, (64, 64))
    return np.asarray(Image.fromarray(coarse.astype(np.float32)).resize(fine.shape), np.float64) + fine


def draw_phantom(rng: np.random.Generator, size: int, patient: Patient) -> NDArray[np.uint8]:
    """Draw one image of a patient, with pose, exposure and noise of its own from the generator.

    Returns:
        Shape (size, size), dtype uint8, 0 (air around the body) to 255 (dense bone).
    """
    angle, scale, (shift_x, shift_y) = rng.uniform(-0.08, 0.08), rng.uniform(0.88, 1.06), rng.uniform(-0.07, 0.07, 2)
    exposure, contrast = rng.uniform(-0.12, 0.12), rng.uniform(0.16, 0.24)
    ticks = (np.arange(size) + 0.5) / size * 2 - 1
    down, across = np.meshgrid(ticks, ticks, indexing="ij")
    x = (np.cos(angle) * (across - shift_x) + np.sin(angle) * (down - shift_y)) / scale
    y = (np.cos(angle) * (down - shift_y) - np.sin(angle) * (across - shift_x)) / scale

    body = _inside(np.abs(x) - (0.3 + 0.55 * _inside(-0.75 - y, 0.06)), 0.02)
    tissue = 0.55 + 0.25 * np.sqrt(np.clip(1 - x**2, 0, 1)) + 0.15 * _inside(0.6 - y, 0.05)
    lungs = sum(_ellipse(x, y, side * LUNG_X, -0.02, 0.26 * patient.width, 0.56 * patient.height) for side in (-1, 1))
    heart = _ellipse(x, y, 0.12, 0.25, patient.heart, 0.24)
    spine = _inside(np.abs(x) - 0.08, 0.02)
    # Ribs slope down towards the sides, and are drawn within the chest only.
    phase = (y - 0.25 * x**2) / patient.rib_spacing
    ribs = (
        _inside(np.abs(phase - np.round(phase)) - 0.16, 0.05) * _inside(np.abs(x) - 0.7, 0.03) * _inside(y - 0.65, 0.05)
    )
    disease = sum(
        (o.density * _ellipse(x, y, o.x, o.y, o.radius, o.radius, 0.2) for o in patient.opacities), np.zeros(1)
    )
    air = lungs * (1 - 0.85 * heart)
    attenuation = tissue + 0.15 * heart + 0.2 * spine + patient.rib_density * ribs * 0.5
    texture = np.asarray(Image.fromarray(patient.texture.astype(np.float32)).resize((size, size)), np.float64)
    attenuation = body * (attenuation + texture + air * (0.45 * (1 - np.exp(-disease)) - 0.5))
    noise = rng.normal(0, 0.015, (size, size))
    grey = 1 / (1 + np.exp(-(attenuation - 0.55 - exposure) / contrast))
    dark = 1 / (1 + np.exp((0.55 + exposure) / contrast))
    image: NDArray[np.uint8] = np.clip(np.rint(255 * ((grey - dark) / (1 - dark) + noise)), 0, 255).astype(np.uint8)
    return image


def _inside(distance: Map, softness: float) -> Map:
    """Return 1 where a signed distance is negative and 0 where it is positive, with a soft edge."""
    inside: Map = 0.5 - 0.5 * np.tanh(distance / (2 * softness))
    return inside


def _ellipse(
    x: Map, y: Map, centre_x: float, centre_y: float, width: float, height: float, softness: float = 0.05
) -> Map:
    """Return 1 inside an ellipse and 0 outside, with a soft edge."""
    return _inside(np.hypot((x - centre_x) / width, (y - centre_y) / height) - 1, softness)
