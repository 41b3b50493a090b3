"""Images that are not frontal chest X-rays, generated from a seed and installed packages.

Photographs are parts of those that scikit-learn and matplotlib carry, slices are those of pydicom's test files, digits
are scikit-learn's; the rest is drawn.
"""

import io
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

Grey = npt.NDArray[np.uint8]
WORDS = ("the", "image", "shows", "report", "patient", "view", "settings", "open", "file", "edit", "value", "left")
SLICES = (
    "CT_small.dcm",
    "MR_small.dcm",
    "693_J2KI.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEG2000.dcm",
    "examples_overlay.dcm",
)


def other_images(seed: int = 0, of_each: int = 40) -> dict[str, list[Image.Image]]:
    """Images by kind, of different sizes and modes.

    Args:
        seed: Draws everything.
        of_each: Images of each kind.
    """
    return {
        kind: [draw(np.random.default_rng([seed, number, i])) for i in range(of_each)]
        for number, (kind, draw) in enumerate(KINDS.items())
    }


def photograph(rng: np.random.Generator) -> Image.Image:
    """A part of a photograph, in colour or grey."""
    from matplotlib.cbook import get_sample_data
    from sklearn.datasets import load_sample_images

    with get_sample_data("grace_hopper.jpg") as file:
        portrait = np.asarray(Image.open(file).convert("RGB"))
    photographs = [*load_sample_images().images, portrait]
    image = Image.fromarray(photographs[rng.integers(len(photographs))])
    share = rng.choice([1.0, 0.7, 0.45, 0.25])
    width, height = (round(share * side) for side in image.size)
    left, top = rng.integers(image.width - width + 1), rng.integers(image.height - height + 1)
    part = image.crop((left, top, left + width, top + height))
    return part if rng.random() < 0.5 else part.convert("L")


def slice_of_a_body(rng: np.random.Generator) -> Image.Image:
    """A CT or MR slice of pydicom's test files, more or less closely cropped and windowed."""
    import pydicom
    from pydicom.data import get_testdata_file

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these files are odd on purpose
        values = pydicom.dcmread(get_testdata_file(SLICES[rng.integers(len(SLICES))])).pixel_array
    values = values.reshape(-1, *values.shape[-2:])[0].astype(np.float64)
    low, high = np.quantile(values, [rng.uniform(0, 0.1), rng.uniform(0.97, 1)])
    margin = int(rng.uniform(0, 0.2) * min(values.shape))
    cut = values[margin : values.shape[0] - margin, margin : values.shape[1] - margin]
    return _image((cut - low) / max(high - low, 1))


def page(rng: np.random.Generator) -> Image.Image:
    """A page of text with a heading."""
    image = Image.new("L", (600, int(rng.integers(600, 900))), int(rng.integers(225, 256)))
    draw, top = ImageDraw.Draw(image), 40
    size, margin = int(rng.integers(11, 26)), int(rng.integers(20, 90))
    _write(draw, rng, (margin, top), 2 * size, 4, 0)
    top += 4 * size
    while top < image.height - 50:
        _write(draw, rng, (margin, top), size, int(rng.integers(3, 1 + (600 - 2 * margin) // (3 * size))), 20)
        top += int(size * rng.choice([1.4, 1.4, 1.4, 3]))
    return image


def screen(rng: np.random.Generator) -> Image.Image:
    """A program's window: bars, panels, buttons, lines of text; light or dark."""
    dark = rng.random() < 0.5
    back, ink = ((30, 32, 40), (220, 220, 225)) if dark else ((245, 245, 248), (25, 25, 30))
    image = Image.new("RGB", (960, int(rng.integers(540, 960))), back)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 960, 48), fill=tuple(rng.integers(30, 200, 3).tolist()))
    side = int(rng.integers(120, 300))
    draw.rectangle((0, 48, side, image.height), fill=tuple(int(v * 0.85) for v in back))
    for top in range(70, image.height - 30, 34):
        _write(draw, rng, (14, top), 16, 2, ink)
    for _ in range(rng.integers(2, 7)):
        left, top = int(rng.integers(side, 800)), int(rng.integers(60, image.height - 120))
        draw.rounded_rectangle(
            (left, top, left + 260, top + 160), 10, fill=tuple(rng.integers(20, 250, 3).tolist()), outline=ink
        )
        _write(draw, rng, (left + 12, top + 12), 18, 3, ink)
    return image


def plot(rng: np.random.Generator) -> Image.Image:
    """A figure of matplotlib: lines, bars, points, a map of heat or a histogram."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 4), dpi=80)
    axes = figure.subplots()
    kind = rng.integers(5)
    if kind == 0:
        axes.plot(np.cumsum(rng.normal(size=(80, int(rng.integers(1, 5)))), axis=0))
    elif kind == 1:
        axes.bar(range(8), rng.random(8))
    elif kind == 2:
        axes.scatter(*rng.normal(size=(2, 200)), s=rng.uniform(4, 40))
    elif kind == 3:
        axes.imshow(ndimage.gaussian_filter(rng.random((20, 20)), rng.uniform(0, 3)), aspect="auto")
    else:
        axes.hist(rng.normal(size=500), bins=25)
    axes.set_title(" ".join(rng.choice(WORDS, 3)))
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file)
    return Image.open(file)


def drawing(rng: np.random.Generator) -> Image.Image:
    """Strokes and shapes, filled or not."""
    image = Image.new("RGB", (400, 400), tuple(rng.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(4, 25)):
        colour = tuple(rng.integers(0, 256, 3).tolist())
        left, top, right, bottom = np.sort(rng.integers(0, 400, (2, 2)), axis=0).ravel().tolist()
        kind = rng.integers(4)
        if kind == 0:
            draw.ellipse((left, top, right, bottom), fill=colour if rng.random() < 0.5 else None, outline=colour)
        elif kind == 1:
            draw.rectangle((left, top, right, bottom), fill=colour if rng.random() < 0.5 else None, outline=colour)
        else:
            draw.line([tuple(p) for p in rng.integers(0, 400, (int(kind) * 2, 2)).tolist()], colour, 5)
    return image


def noise(rng: np.random.Generator) -> Image.Image:
    """White, coloured (a power of the frequency) or of salt and pepper."""
    kind = rng.integers(4)
    if kind == 0:
        return Image.fromarray(rng.integers(0, 256, (200, 200, 3)).astype(np.uint8))
    if kind == 1:
        return _image(rng.random((200, 200)) < rng.uniform(0.02, 0.5))
    rows, columns = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256))
    power = np.maximum(np.hypot(rows, columns), 1 / 256) ** -rng.uniform(0.5, 2.2)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(256, 256))) * power).real
    return _image(0.5 + rng.uniform(0.1, 0.3) * (field - field.mean()) / field.std())


def gradient(rng: np.random.Generator) -> Image.Image:
    """From one grey to another, along a direction or from a centre."""
    x, y = _plane(200)
    angle, centre = rng.uniform(0, 2 * np.pi), rng.uniform(-0.7, 0.7, 2)
    along = x * np.cos(angle) + y * np.sin(angle) if rng.random() < 0.5 else np.hypot(x - centre[0], y - centre[1])
    first, second = rng.random(2)
    return _image(first + (second - first) * (along - along.min()) / np.ptp(along))


def blank(rng: np.random.Generator) -> Image.Image:
    """One grey, with or without a trace of noise."""
    return _image(rng.random() + rng.choice([0, 0.004, 0.01]) * rng.normal(size=(200, 200)))


def pattern(rng: np.random.Generator) -> Image.Image:
    """Stripes, chequers, rings or waves."""
    x, y = _plane(256)
    angle, period = rng.uniform(0, np.pi), rng.uniform(0.05, 1.2)
    first = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    second = np.sin(2 * np.pi * (y * np.cos(angle) - x * np.sin(angle)) / period)
    waves = (first, first * second, np.sin(2 * np.pi * np.hypot(x, y) / period))[rng.integers(3)]
    return _image(0.5 + rng.uniform(0.1, 0.5) * (np.sign(waves) if rng.random() < 0.5 else waves))


def digit(rng: np.random.Generator) -> Image.Image:
    """A handwritten digit of scikit-learn's, light on dark or dark on light."""
    from sklearn.datasets import load_digits

    digits = load_digits().images
    image = _image(digits[rng.integers(len(digits))] / 16).resize((128, 128), Image.Resampling.BICUBIC)
    return image if rng.random() < 0.5 else image.point(lambda grey: 255 - grey)


def hand(rng: np.random.Generator) -> Image.Image:
    """A hand's image: four fingers and a thumb of three bones each, a palm, a forearm."""
    x, y = _turned(rng, 0.25)
    flesh, bone = np.zeros_like(x), np.zeros_like(x)
    spread = rng.uniform(0.08, 0.28)
    for finger in range(5):
        angle = spread * (finger - 2) - (0.5 if finger == 0 else 0)
        root = (0.16 * (finger - 2), -0.05 + (0.25 if finger == 0 else 0))
        length = (0.45, 0.62, 0.72, 0.66, 0.5)[finger] * rng.uniform(0.9, 1.1)
        along, across = _along(x, y, root, angle)
        flesh = np.maximum(flesh, _rod(along, across, 0, length, 0.075))
        for part, (start, end) in enumerate(((-0.5, -0.04), (0.02, 0.48), (0.52, 0.76), (0.8, 0.98))):
            bone = np.maximum(bone, _rod(along, across, start * length, end * length, 0.034 - 0.005 * part))
    flesh = np.maximum(flesh, _oval(x, y, (0, 0.22), (0.38, 0.4)))
    flesh = np.maximum(flesh, _rod(*_along(x, y, (0, 1.3), 0), 0, 1.0, 0.24))
    for side in (-1, 1):
        bone = np.maximum(bone, _rod(*_along(x, y, (0.1 * side, 1.3), 0), 0, 0.72, 0.07))
    for _ in range(8):
        bone = np.maximum(bone, _oval(x, y, rng.uniform((-0.2, 0.38), (0.2, 0.55)), (0.07, 0.06)))
    return _exposed(rng, 0.3 * flesh + 0.55 * bone)


def skull(rng: np.random.Generator) -> Image.Image:
    """A head's image from the front or the side: vault, orbits, jaw, teeth and neck."""
    x, y = _turned(rng, 0.15)
    sideways = rng.random() < 0.5
    width = 0.78 if sideways else rng.uniform(0.55, 0.65)
    head = _oval(x, y, (0, -0.15), (width, 0.7))
    head = np.maximum(head, _oval(x, y, (0.3 * sideways, 0.4), (0.42, 0.42)))
    rim = head - _oval(x, y, (0, -0.17), (width - 0.07, 0.63))
    holes = [(0.45, 0.08)] if sideways else [(-0.24, 0.05), (0.24, 0.05), (0, 0.25)]
    dark = np.max([_oval(x, y, centre, (0.15, 0.12)) for centre in holes], axis=0)
    teeth = _oval(x, y, (0.3 * sideways, 0.48), (0.22, 0.07)) * (0.6 + 0.4 * np.sin(60 * x))
    neck = _rod(*_along(x, y, (-0.1 * sideways, 1.2), 0), 0, 0.9, 0.3)
    spine = _rod(*_along(x, y, (-0.1 * sideways, 1.2), 0), 0, 0.7, 0.12)
    shadow = 0.4 * head + 0.35 * np.clip(rim, 0, 1) + 0.3 * teeth - 0.25 * dark * head + 0.25 * neck + 0.2 * spine
    return _exposed(rng, shadow)


def side_view(rng: np.random.Generator) -> Image.Image:
    """A chest from the side: one lung field between breastbone and spine, the heart in front, domes below."""
    x, y = _turned(rng, 0.08)
    x = x if rng.random() < 0.5 else -x
    body = _oval(x, y, (0, 0.25), (rng.uniform(0.65, 0.85), 1.35))
    lung = _oval(x, y, (0.03, -0.12), (0.5, 0.75)) * _inside(y - 0.5 - 0.25 * (x + 0.1))
    heart = _oval(x, y, (-0.25, 0.2), (0.25, 0.33))
    column = _inside(np.abs(x - 0.45 + 0.12 * y**2) - 0.1)
    bodies = column * (0.65 + 0.35 * np.sign(np.sin(16 * y)))
    arm = _rod(*_along(x, y, (0.1, -0.5), 0.4), 0, 0.8, 0.22)
    return _exposed(rng, 0.6 * body - 0.42 * lung + 0.3 * heart + 0.22 * bodies * body + 0.3 * arm)


def cross_section(rng: np.random.Generator) -> Image.Image:
    """A slice across a trunk or a head: a ring, two lungs or ventricles, a spine; black around it."""
    x, y = _turned(rng, 0.1)
    trunk = rng.random() < 0.5
    radii = (rng.uniform(0.75, 0.92), rng.uniform(0.5, 0.65)) if trunk else (rng.uniform(0.6, 0.75), 0.85)
    body = _oval(x, y, (0, 0), radii)
    rim = body - _oval(x, y, (0, 0), (radii[0] - 0.07, radii[1] - 0.07))
    shadow = 0.5 * body + (0.1 if trunk else 0.5) * rim
    size = (0.27, 0.33) if trunk else (0.08, 0.22)
    for side in (-1, 1):
        shadow -= (0.45 if trunk else 0.3) * _oval(x, y, (side * (0.42 if trunk else 0.12), -0.04), size)
    if trunk:
        shadow += 0.45 * _oval(x, y, (0, 0.38), (0.11, 0.1)) + 0.15 * _oval(x, y, (0.1, -0.1), (0.2, 0.17))
    return _exposed(rng, shadow)


KINDS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "photograph": photograph,
    "CT or MR slice": slice_of_a_body,
    "slice, drawn": cross_section,
    "hand, drawn": hand,
    "skull, drawn": skull,
    "side view, drawn": side_view,
    "page of text": page,
    "screen": screen,
    "plot": plot,
    "drawing": drawing,
    "digit": digit,
    "noise": noise,
    "pattern": pattern,
    "gradient": gradient,
    "blank": blank,
}
"""How each kind is made."""


def _image(values: npt.NDArray[np.generic] | float) -> Image.Image:
    """From 0, black, to 1, white."""
    return Image.fromarray(np.clip(np.rint(255 * np.asarray(values, dtype=np.float64)), 0, 255).astype(np.uint8))


def _write(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    place: tuple[int, int],
    size: int,
    words: int,
    ink: int | tuple[int, int, int],
) -> None:
    draw.text(place, " ".join(rng.choice(WORDS, words)), fill=ink, font=ImageFont.load_default(size))


def _plane(size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    ticks = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(ticks, ticks)
    return x, y


def _turned(rng: np.random.Generator, angle: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A plane in a pose: turned, moved and scaled a little."""
    x, y = _plane(256)
    turn, scale, shift = rng.normal(0, angle), rng.uniform(0.85, 1.15), rng.uniform(-0.08, 0.08, 2)
    x, y = (x - shift[0]) / scale, (y - shift[1]) / scale
    return x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)


def _inside(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 where a distance is negative, 0 where it is positive, with a soft edge."""
    return 0.5 - 0.5 * np.tanh(distance / 0.02)


def _oval(x, y, centre, radii) -> npt.NDArray[np.float64]:
    return _inside((np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1]) - 1) * min(radii))


def _along(x, y, root, angle) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Distances along and across a limb that leaves a root upwards, leaning by an angle."""
    dx, dy = x - root[0], y - root[1]
    return dx * np.sin(angle) - dy * np.cos(angle), dx * np.cos(angle) + dy * np.sin(angle)


def _rod(along, across, start, end, radius) -> npt.NDArray[np.float64]:
    beyond = np.maximum(np.maximum(start - along, along - end), 0)
    return _inside(np.hypot(beyond, across) - radius)


def _exposed(rng: np.random.Generator, shadow: npt.NDArray[np.float64]) -> Image.Image:
    """An image of a shadow: uneven, grainy, more or less exposed."""
    grain = ndimage.gaussian_filter(rng.normal(size=shadow.shape), 2)
    lit = rng.uniform(0.75, 1.3) * shadow * (1 + 0.25 * grain / grain.std() * 0.3) + rng.uniform(0, 0.12)
    return _image(np.clip(lit, 0, 1) ** rng.uniform(0.7, 1.4)).filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
