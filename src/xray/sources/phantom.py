"""Procedurally drawn frontal chest X-rays: schematic anatomy, pose, exposure and pneumonia-like opacities.

Everything is laid out in body coordinates: x runs to the right of the picture (the patient's left), y runs
down, and an untilted, centred image of scale 1 spans -1 to 1 in both. Structures add to or take from one
attenuation map, which an image curve then turns into grey values (bright = dense), as on a real radiograph.
"""

import math

import numpy as np
from numpy.typing import NDArray

from xray.sources.anatomy import SIDES, Anatomy, Map, Patch, Shot, draw_shot

Pixels = NDArray[np.uint8]


def draw_phantom(rng: np.random.Generator, size: int, anatomy: Anatomy, findings: tuple[Patch, ...] = ()) -> Pixels:
    """Draw one image of a patient.

    The same generator state with and without findings gives the same pose, exposure and grain, so two such
    images differ by the opacities alone.

    Args:
        rng: The patient's own generator; each call draws a new pose and exposure from it.
        size: Side of the square image in pixels.
        anatomy: The patient's build.
        findings: The patient's opacities; empty for a normal image.

    Returns:
        The image, (size, size), uint8, 0 (air around the body) to 255 (dense bone).
    """
    shot = draw_shot(rng)
    grain = rng.standard_normal((size, size), dtype=np.float32)
    ticks = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    image_x, image_y = np.meshgrid(ticks, ticks)
    x, y = _body_coordinates(image_x, image_y, shot)

    skin, tissue = _soft_tissue(x, y, anatomy)
    heart = _heart(x - shot.yaw, y, anatomy, shot)
    middle = _mediastinum(x - shot.yaw, y, anatomy)
    attenuation = tissue + _shadows(x, y, anatomy, shot) + _bones(x, y, anatomy, shot) + 0.12 * heart + 0.14 * middle
    hidden = 1 - (1 - 0.85 * heart) * (1 - 0.4 * np.clip(middle, 0, 1))
    texture = _sample(anatomy.texture, x, y)
    opacity = 1 - np.exp(-shot.severity * _optical_depth(x, y, findings) * (1 + 0.5 * texture))
    for row, side in enumerate(SIDES):
        air = (1 - hidden) * _lung(x, y, anatomy, shot, side)
        marking = shot.vessel_strength * _vessels(x - shot.yaw, y, anatomy, row) + 0.02 * texture
        attenuation += air * (marking + 0.45 * opacity - 0.55 * (1 + 2 * side * shot.yaw))
    return _develop(skin * attenuation, grain, image_x, image_y, shot)


def _inside(distance: Map, softness: float) -> Map:
    """Turn a signed distance (negative inside) into 1 inside and 0 outside with an edge of width `softness`."""
    inside: Map = 0.5 - 0.5 * np.tanh(distance / (2 * softness))
    return inside


def _ellipse(x: Map, y: Map, centre: tuple[float, float], radii: tuple[float, float], tilt: float = 0.0) -> Map:
    """Relative distance from the centre of an ellipse: 0 at the centre, 1 on the outline."""
    dx, dy = x - centre[0], y - centre[1]
    cos, sin = math.cos(tilt), math.sin(tilt)
    return _length((cos * dx + sin * dy) / radii[0], (cos * dy - sin * dx) / radii[1])


def _length(across: Map, down: Map) -> Map:
    """Length of a vector at each point; quicker than hypot, whose care against overflow is not needed here."""
    length: Map = np.sqrt(across * across + down * down)
    return length


def _body_coordinates(image_x: Map, image_y: Map, shot: Shot) -> tuple[Map, Map]:
    """Map image positions to body coordinates, undoing the pose."""
    cos, sin = math.cos(shot.rotation) / shot.scale, math.sin(shot.rotation) / shot.scale
    dx, dy = image_x - shot.shift_x, image_y - shot.shift_y
    return cos * dx + sin * dy, cos * dy - sin * dx


def _sample(grid: Map, x: Map, y: Map) -> Map:
    """Read a square grid that spans the body square, bilinearly, repeating it outside."""
    cells = grid.shape[0]
    column, row = (x + 1) / 2 * cells, (y + 1) / 2 * cells
    across, down = column % 1, row % 1
    left, top = np.floor(column).astype(np.intp) % cells, np.floor(row).astype(np.intp) % cells
    right, bottom = (left + 1) % cells, (top + 1) % cells
    upper = grid[top, left] * (1 - across) + grid[top, right] * across
    lower = grid[bottom, left] * (1 - across) + grid[bottom, right] * across
    value: Map = upper * (1 - down) + lower * down
    return value


def _soft_tissue(x: Map, y: Map, anatomy: Anatomy) -> tuple[Map, Map]:
    """Neck, shoulders, arms and trunk: where the body is, 0 to 1, and how thick, most along the middle."""
    shoulders = (anatomy.body_width - 0.2 + anatomy.arms) * _inside(-0.80 - y, 0.05)
    half_width = 0.2 + shoulders - anatomy.arms * _inside(-0.30 - y, 0.06)
    chord: Map = np.sqrt(np.clip(1 - (x / half_width) ** 2, 0, 1))
    return _inside(np.abs(x) - half_width, 0.008), 0.45 + 0.5 * chord


def _shadows(x: Map, y: Map, anatomy: Anatomy, shot: Shot) -> Map:
    """Overlying parts that are no disease: breasts, shoulder blades, upper belly and the gas in the stomach."""
    across = np.abs(x)
    breast = anatomy.breast * _inside(_ellipse(across, y, (0.42, 0.30), (0.28, 0.22)) - 1, 0.08)
    scapula = shot.scapula * _inside(_ellipse(across, y, (0.66, -0.32), (0.13, 0.27), 0.25) - 1, 0.04)
    belly = 0.10 * _inside(0.65 - y, 0.06)
    gas = anatomy.gas_bubble * _inside(_ellipse(x, y, (0.36, anatomy.dome_level + 0.22), (0.16, 0.09)) - 1, 0.10)
    shadows: Map = breast + scapula + belly - gas
    return shadows


def _lung_radius(across: Map, y: Map, anatomy: Anatomy) -> Map:
    """Relative distance from the core of one lung: 1 on its outline, ignoring the diaphragm below."""
    depth = np.clip((y - anatomy.lung_top) / 1.2, 0, 1)
    offset = across - (0.26 + 0.13 * depth)
    rise = np.clip((0.1 - y) / (0.1 - anatomy.lung_top), 0, None)
    return _length(np.maximum(offset / anatomy.lung_width, -offset / 0.27), rise)


def _lung(x: Map, y: Map, anatomy: Anatomy, shot: Shot, side: float) -> Map:
    """How much of the air of one lung is in the beam, 0 to 1."""
    across = side * x
    outline = _inside((_lung_radius(across, y, anatomy) - 1) * 0.3, 0.012)
    dome = anatomy.dome_level + shot.breath + 0.03 * side  # the liver holds the right dome higher
    diaphragm: Map = dome + 1.1 * (across - 0.33) ** 2 + 2.0 * np.clip(across - 0.45, 0, None) ** 2
    return outline * _inside(y - diaphragm, 0.012)


def _heart(x: Map, y: Map, anatomy: Anatomy, shot: Shot) -> Map:
    """The heart's shadow, 0 to 1: mostly left of the midline, resting on the diaphragm."""
    level = anatomy.dome_level + 0.8 * shot.breath
    ventricle = _inside(_ellipse(x, y, (0.13, level - 0.13), (anatomy.heart_width, 0.21), anatomy.heart_tilt) - 1, 0.03)
    atrium = _inside(_ellipse(x, y, (-0.03, level - 0.16), (0.17, 0.22)) - 1, 0.04)
    outflow = _inside(_ellipse(x, y, (0.05, level - 0.36), (0.15, 0.22), -0.2) - 1, 0.06)
    return 1 - (1 - ventricle) * (1 - atrium) * (1 - outflow)


def _mediastinum(x: Map, y: Map, anatomy: Anatomy) -> Map:
    """Great vessels and aortic knob beside the spine, 0 to about 2."""
    band = _inside(np.abs(x) - anatomy.mediastinum * (0.8 + 0.3 * np.cos(3 * y)), 0.02)
    knob = _inside(_ellipse(x, y, (anatomy.mediastinum, -0.28), (0.08, 0.09)) - 1, 0.15)
    trachea = _inside(np.abs(x) - 0.045, 0.012) * _inside(y + 0.25, 0.04)
    return band + 0.7 * knob - 0.7 * trachea


def _bones(x: Map, y: Map, anatomy: Anatomy, shot: Shot) -> Map:
    """Spine, ribs, collar bones and upper arms."""
    across = np.abs(x)
    discs = 0.75 + 0.25 * np.cos(2 * np.pi * y / (0.8 * anatomy.rib_spacing))
    spine = 0.20 * _inside(across - 0.075, 0.010) * discs
    line = anatomy.clavicle_level - anatomy.clavicle_slope * across + 0.04 * np.sin(8 * across)
    clavicle = 0.16 * _inside(np.abs(y - line) - 0.022, 0.007) * _inside(np.abs(across - 0.36) - 0.30, 0.02)
    humerus = 0.14 * _inside(_ellipse(across, y, (0.86, -0.60), (0.11, 0.10)) - 1, 0.08)
    bones: Map = spine + clavicle + humerus + anatomy.rib_density * _ribs(across, y, anatomy, shot)
    return bones


def _ribs(across: Map, y: Map, anatomy: Anatomy, shot: Shot) -> Map:
    """Back ribs (clear, nearly level, falling at the flank) and front ribs (faint, steep), 0 to about 1.6."""
    reach = across / (anatomy.lung_width + 0.36)
    spacing = anatomy.rib_spacing * (1 - 0.5 * shot.breath)
    back = (y - 0.06 * reach - 0.24 * reach**4) / spacing + anatomy.rib_offset
    front = (y + 0.45 * reach) / (1.15 * spacing) + anatomy.rib_offset
    cage = _inside((_lung_radius(np.maximum(across, 0.39), y, anatomy) - 1.08) * 0.3, 0.012)
    fading = cage * _inside(y - 0.75, 0.08) * _inside(0.06 - across, 0.012)
    return fading * (_band(back, 0.19) + 0.5 * _band(front, 0.17) * _inside(0.30 - across, 0.05))


def _band(phase: Map, half_width: float) -> Map:
    """Parallel bars, one per unit of phase, brighter at their edges as hollow bones are."""
    from_middle = np.abs(phase - np.round(phase))
    bars: Map = _inside(from_middle - half_width, 0.03) * (0.5 + 0.5 * (from_middle / half_width) ** 2)
    return bars


def _vessels(x: Map, y: Map, anatomy: Anatomy, row: int) -> Map:
    """Vessels fanning out and tapering from the hilum of one lung, 0 to 1.7."""
    dx, dy = SIDES[row] * x - 0.15, y + 0.02
    radius = _length(dx, dy)
    angle = np.arctan2(dy, dx) - 0.08 * np.sin(14 * radius + row)  # a little waver
    taper = np.clip(1 - radius / 0.62, 0, 1)
    width = 0.006 + 0.020 * taper
    total = np.zeros_like(x)
    for start, bend in zip(anatomy.vessel_angles[row], anatomy.vessel_bends[row], strict=True):
        off = (angle - start - bend * radius) * radius / width
        total += np.exp(-np.minimum(off * off, 50))
    hilum = np.exp(-((radius / 0.09) ** 2))
    tree: Map = np.minimum(total, 1.2) * taper + 0.5 * hilum
    return tree


def _optical_depth(x: Map, y: Map, findings: tuple[Patch, ...]) -> Map:
    """Sum of all opacities at each point, 0 where there is none."""
    total = np.zeros_like(x)
    for patch in findings:
        radius = _ellipse(x, y, (patch.x, patch.y), (patch.radius_x, patch.radius_y), patch.tilt)
        total += patch.density * _inside(radius - 1, patch.softness)
    return total


def _develop(attenuation: Map, grain: Map, image_x: Map, image_y: Map, shot: Shot) -> Pixels:
    """Expose the image: the tube's uneven beam, the S-shaped image curve, the marker, blur and grain."""
    exposed = (attenuation + shot.heel * image_x - shot.exposure) / shot.contrast
    unexposed = 1 / (1 + math.exp(shot.exposure / shot.contrast))
    image = (_inside(-exposed, 1.0) - unexposed) / (1 - unexposed)  # air around the body is black
    stem = (np.abs(image_x - shot.marker_x) < 0.012) & (np.abs(image_y - shot.marker_y) < 0.05)
    foot = (np.abs(image_x - shot.marker_x - 0.02) < 0.032) & (np.abs(image_y - shot.marker_y - 0.05) < 0.012)
    image[stem | foot] = 1.0
    image = _blur(image, shot.blur) + shot.grain * grain
    return np.clip(np.round(255 * image), 0, 255).astype(np.uint8)


def _blur(image: Map, share: float) -> Map:
    """Give each pixel's neighbours a share of it, along both axes."""
    padded = np.pad(image, 1, mode="edge")
    across = (1 - 2 * share) * padded[:, 1:-1] + share * (padded[:, :-2] + padded[:, 2:])
    return (1 - 2 * share) * across[1:-1] + share * (across[:-2] + across[2:])
