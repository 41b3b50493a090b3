"""What a phantom shows, drawn at random: a patient's build and disease, an image's pose and exposure."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating[Any]]  # float32 wherever it has the size of an image, for speed
Kind = Literal["normal", "bacteria", "virus"]

SIDES = (-1.0, 1.0)  # the patient's right lung is on the left of the picture
_VESSELS = 8  # per lung
_TEXTURE_CELLS = 40  # cells of the texture grid along each side of the body square


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What stays the same in all images of a patient: lengths in body coordinates, densities in attenuation."""

    lung_top: float
    lung_width: float
    dome_level: float
    heart_width: float
    heart_tilt: float
    mediastinum: float
    body_width: float
    arms: float
    rib_spacing: float
    rib_offset: float
    rib_density: float
    clavicle_level: float
    clavicle_slope: float
    breast: float
    gas_bubble: float
    vessel_angles: Map  # (2, vessels), radians from the horizontal, one row per lung
    vessel_bends: Map  # (2, vessels), radians per unit of length
    texture: Map  # (cells, cells), about -1 to 1: fine lung marking, also the grain of an opacity


@dataclass(frozen=True)
class Patch:
    """One soft-edged elliptic opacity; `density` is its optical depth at the centre."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    tilt: float
    softness: float
    density: float


@dataclass(frozen=True)
class Shot:
    """What changes from image to image of one patient: pose, breath and exposure."""

    rotation: float
    shift_x: float
    shift_y: float
    scale: float
    breath: float
    yaw: float
    scapula: float
    vessel_strength: float
    severity: float
    exposure: float
    contrast: float
    heel: float
    grain: float
    blur: float
    marker_x: float
    marker_y: float


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw one patient's build.

    Args:
        rng: The patient's own generator.
    """
    return Anatomy(
        lung_top=rng.uniform(-0.80, -0.68),
        lung_width=rng.uniform(0.29, 0.37),
        dome_level=rng.uniform(0.42, 0.58),
        heart_width=rng.uniform(0.26, 0.36),
        heart_tilt=rng.uniform(0.2, 0.7),
        mediastinum=rng.uniform(0.10, 0.18),
        body_width=rng.uniform(0.80, 0.92),
        arms=rng.uniform(0.0, 0.5),
        rib_spacing=rng.uniform(0.135, 0.175),
        rib_offset=rng.uniform(0.0, 1.0),
        rib_density=rng.uniform(0.10, 0.20),
        clavicle_level=rng.uniform(-0.66, -0.54),
        clavicle_slope=rng.uniform(0.05, 0.25),
        breast=rng.uniform(0.05, 0.16) if rng.random() < 0.35 else 0.0,
        gas_bubble=rng.uniform(0.1, 0.3) if rng.random() < 0.5 else 0.0,
        vessel_angles=rng.uniform(-1.3, 1.5, (2, _VESSELS)).astype(np.float32),
        vessel_bends=rng.uniform(-0.8, 0.8, (2, _VESSELS)).astype(np.float32),
        texture=0.5 * rng.standard_normal((_TEXTURE_CELLS, _TEXTURE_CELLS), dtype=np.float32),
    )


def draw_findings(rng: np.random.Generator, kind: Kind) -> tuple[Patch, ...]:
    """Draw one patient's opacities: none, lobar (bacteria) or patchy on both sides (virus).

    Severity is log-uniform, so that barely visible disease is as common as obvious disease.

    Args:
        rng: The patient's own generator.
        kind: The kind of disease.
    """
    if kind == "normal":
        return ()
    severity = float(np.exp(rng.uniform(np.log(0.4), np.log(2.2))))
    if kind == "bacteria":
        side = float(rng.choice(SIDES))
        lobes = 1 + int(rng.random() < 0.25)
        return tuple(_lobar_patch(rng, side, severity) for _ in range(lobes))
    spots = int(rng.integers(6, 14))
    haze = tuple(
        Patch(side * 0.34, rng.uniform(-0.1, 0.2), 0.26, 0.42, 0.0, 0.5, 0.25 * severity * rng.uniform(0.5, 1.0))
        for side in SIDES
    )
    return haze + tuple(_small_patch(rng, severity) for _ in range(spots))


def _lobar_patch(rng: np.random.Generator, side: float, severity: float) -> Patch:
    """One large, fairly sharp consolidation in the lung of `side`."""
    return Patch(
        x=side * rng.uniform(0.26, 0.52),
        y=rng.uniform(-0.40, 0.35),
        radius_x=rng.uniform(0.14, 0.28),
        radius_y=rng.uniform(0.12, 0.26),
        tilt=rng.uniform(-0.6, 0.6),
        softness=rng.uniform(0.12, 0.35),
        density=severity * rng.uniform(0.8, 1.2),
    )


def _small_patch(rng: np.random.Generator, severity: float) -> Patch:
    """One small, soft spot anywhere in either lung."""
    return Patch(
        x=float(rng.choice(SIDES)) * rng.uniform(0.18, 0.55),
        y=rng.uniform(-0.45, 0.45),
        radius_x=rng.uniform(0.05, 0.12),
        radius_y=rng.uniform(0.05, 0.12),
        tilt=rng.uniform(-1.5, 1.5),
        softness=rng.uniform(0.3, 0.6),
        density=severity * rng.uniform(0.35, 0.9),
    )


def draw_shot(rng: np.random.Generator) -> Shot:
    """Draw one image's pose and exposure, none of which depends on the disease.

    Args:
        rng: The patient's own generator.
    """
    return Shot(
        rotation=rng.normal(0.0, 0.045),
        shift_x=rng.normal(0.0, 0.04),
        shift_y=rng.normal(0.02, 0.04),
        scale=rng.uniform(0.92, 1.12),
        breath=rng.uniform(-0.10, 0.06),
        yaw=rng.normal(0.0, 0.03),
        scapula=rng.uniform(0.0, 0.14),
        vessel_strength=rng.uniform(0.06, 0.20),
        severity=rng.uniform(0.75, 1.2),
        exposure=rng.uniform(0.42, 0.84),
        contrast=rng.uniform(0.17, 0.36),
        heel=rng.normal(0.0, 0.05),
        grain=rng.uniform(0.010, 0.045),
        blur=rng.uniform(0.0, 0.22),
        marker_x=rng.uniform(0.72, 0.88),
        marker_y=rng.uniform(-0.92, -0.75),
    )
