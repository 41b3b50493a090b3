"""Corruptions of images for robustness curves, each at several strengths.

After Hendrycks and Dietterich (Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR
2019), with corruptions that occur in radiography. The strengths were set by eye on paediatric chest X-rays at 128x128:
1 is barely visible, the last severe but still readable. No code is shared with the augmentation of training, so that
a model is not tested on what it was trained for.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from xray.data.arrays import GreyImage, Images
from xray.data.decode.image import resize_image
from xray.utils.errors import UserError, failure_of
from xray.utils.threads import map_in_threads

CorruptionFunction = Callable[[GreyImage, float, np.random.Generator], npt.NDArray[np.floating] | GreyImage]
"""Corrupts one image of shape (size, size), dtype uint8, by an amount, with a random generator."""


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption.

    Args:
        title: Name for people.
        amounts: Size of the effect at strengths 1, 2 ..., from mild to severe; strength 0 is the image as it is.
        unit: What the amounts mean.
        apply: Corrupts one image by one amount.
    """

    title: str
    amounts: tuple[float, ...]
    unit: str
    apply: CorruptionFunction


def register_corruption(
    name: str, title: str, amounts: Sequence[float], unit: str
) -> Callable[[CorruptionFunction], CorruptionFunction]:
    """Return a decorator that adds a function to the corruptions of `test --robustness`.

    The function takes an image of shape (size, size), dtype uint8, an amount and a random generator, and returns an
    image of the same shape; values are rounded and clipped to 0 to 255.

    Args:
        name: Start of its columns in robustness.csv.
        title: Name for people.
        amounts: Size of the effect at strengths 1, 2 ..., from mild to severe.
        unit: What the amounts mean.

    Raises:
        UserError: The name is taken by a corruption of the package.
    """
    if name in PACKAGED:
        raise UserError(f"register_corruption: {name} is a corruption of xray already, give yours another name.")

    def register(function: CorruptionFunction) -> CorruptionFunction:
        CORRUPTIONS[name] = Corruption(title, tuple(amounts), unit, function)
        return function

    return register


def variants() -> list[tuple[str, int]]:
    """Return each corruption with each of its strengths."""
    return [(name, strength) for name, c in CORRUPTIONS.items() for strength in range(1, len(c.amounts) + 1)]


def title_of(name: str) -> str:
    """Return a corruption's name for people; that in the table for one that is not registered any more."""
    return CORRUPTIONS[name].title if name in CORRUPTIONS else name


def corrupt(images: Images, name: str, strength: int, seed: int, first: int = 0) -> Images:
    """Corrupt images by one corruption at one strength.

    Random choices (noise, sign, direction) depend on the seed, the corruption and an image's position in the whole set,
    so images may come in chunks of any size. They do not depend on the strength: the points of a curve differ by the
    strength only.

    Args:
        images: Shape (images, size, size), dtype uint8, with a size of at least 16.
        name: A key of `CORRUPTIONS`.
        strength: From 1 to the number of its amounts.
        seed: 0 or more.
        first: Position of `images[0]` in the whole set.

    Returns:
        New images of the same shape.

    Raises:
        UserError: A corruption of one's own fails, or returns something other than such an image.
    """
    corruption = CORRUPTIONS[name]
    amount = corruption.amounts[strength - 1]

    def corrupted(i: int) -> GreyImage:
        # A generator for each image, so that it does not depend on the other images.
        rng = np.random.default_rng([seed, int.from_bytes(name.encode()), first + i])
        try:
            image = corruption.apply(images[i].copy(), amount, rng)  # a copy: one's own may write into it
            if image.shape != images[i].shape:
                raise ValueError(f"it returns shape {image.shape}")
            if image.dtype != np.uint8:
                _check_greys(image, images[i])
            return _to_bytes(image)
        except Exception as error:
            fix = (
                f"It takes an image, here of shape {images[i].shape}, an amount and a generator, and returns one with "
                "greys from 0 to 255."
            )
            raise failure_of(f"The corruption {name}", error, fix) from error

    return np.array(list(map_in_threads(corrupted, range(len(images)))), dtype=np.uint8).reshape(images.shape)


def _check_greys(image: npt.NDArray[np.floating] | GreyImage, original: GreyImage) -> None:
    """Raise ValueError for values that are no greys from 0 to 255."""
    if not np.isfinite(image).all():
        raise ValueError("it returns values that are not finite numbers")
    if 0 < image.max() <= 1 < original.max():
        raise ValueError("it returns values from 0 to 1")


def _exposure(image: GreyImage, gamma: float, rng: np.random.Generator) -> GreyImage:
    """Darken by a gamma exponent or brighten by its reciprocal; black and white are unchanged."""
    curve = _to_bytes(255 * np.linspace(0, 1, 256) ** _either_way(gamma, rng))
    return curve[image]


def _contrast(image: GreyImage, factor: float, rng: np.random.Generator) -> GreyImage:
    """Multiply or divide each pixel's distance from the image's mean grey."""
    mean = image.mean()
    curve = _to_bytes(mean + (np.arange(256) - mean) * _either_way(factor, rng))
    return curve[image]


def _blur(image: GreyImage, share: float, _: np.random.Generator) -> GreyImage:
    """Gaussian blur, as out of focus or by motion.

    Its width is a fraction of the image: on small images, below a third of a pixel, it has no effect.
    """
    return _to_bytes(ndimage.gaussian_filter(image.astype(np.float32), share * len(image)))


def _noise(image: GreyImage, deviation: float, rng: np.random.Generator) -> GreyImage:
    """White Gaussian noise, as with too low a dose."""
    return _to_bytes(image + deviation * rng.standard_normal(image.shape, dtype=np.float32))


def _jpeg(image: GreyImage, quality: float, _: np.random.Generator) -> GreyImage:
    """JPEG compression; its blocks have 8 pixels at any image size."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(quality))
    return np.asarray(Image.open(file))


def _shift(image: GreyImage, share: float, rng: np.random.Generator) -> GreyImage:
    """Shift in a random direction; uncovered parts are black, as outside the collimator.

    With cubic splines, here and in `_rotation`: bilinear interpolation would blur the image too.
    """
    direction = 2 * math.pi * rng.random()
    vector = share * len(image) * np.array([math.sin(direction), math.cos(direction)])
    return _to_bytes(ndimage.shift(image, vector, output=np.float32, order=3))


def _rotation(image: GreyImage, degrees: float, rng: np.random.Generator) -> GreyImage:
    """Rotate about the centre, in either direction; uncovered parts are black."""
    angle = degrees if rng.random() < 0.5 else -degrees
    return _to_bytes(ndimage.rotate(image, angle, reshape=False, output=np.float32, order=3))


def _resampling(image: GreyImage, factor: float, _: np.random.Generator) -> GreyImage:
    """Shrink and enlarge again, as an image stored at too low a resolution."""
    size = len(image)
    return resize_image(resize_image(image, round(size / factor), "stretch"), size, "stretch")


def _either_way(factor: float, rng: np.random.Generator) -> float:
    return factor if rng.random() < 0.5 else 1 / factor


def _to_bytes(greys: npt.NDArray[np.floating] | GreyImage) -> GreyImage:
    grey: GreyImage = np.clip(np.rint(greys), 0, 255).astype(np.uint8)
    return grey


CORRUPTIONS: Final[dict[str, Corruption]] = {
    "exposure": Corruption("Exposure", (1.15, 1.35, 1.6, 2.0, 2.5), "gamma exponent, or its reciprocal", _exposure),
    "contrast": Corruption("Contrast", (1.1, 1.25, 1.4, 1.6, 1.9), "factor of contrast, or its reciprocal", _contrast),
    "blur": Corruption(
        "Blur", (0.004, 0.007, 0.01, 0.014, 0.018), "standard deviation of blur, share of the side", _blur
    ),
    "noise": Corruption("Noise", (3, 6, 10, 16, 24), "standard deviation of noise, greys of 255", _noise),
    "jpeg": Corruption("JPEG compression", (70, 45, 25, 15, 10), "JPEG quality", _jpeg),
    "shift": Corruption("Shift", (0.02, 0.04, 0.07, 0.1, 0.14), "share of the side, any direction", _shift),
    "rotation": Corruption("Rotation", (2, 5, 10, 15, 20), "degrees, either way", _rotation),
    "resampling": Corruption("Resampling", (1.25, 1.6, 2, 2.5, 3), "times fewer pixels along the side", _resampling),
}
"""All corruptions by name, in the order of the figure."""
PACKAGED: Final = frozenset(CORRUPTIONS)
