"""Out-of-distribution detection: what does not look like the training images, frontal chest X-rays, gets no probability.

Two distances, each with a word for people: where the outlines of a picture run, and how bright and sharp it is. Each is
the distance from a Gaussian fitted to the training images and to one variation of each (see `xray.ood.perturb`), so
that an image of another hospital, turned or exposed a little otherwise, stays familiar. A picture is rejected if either
distance is larger than all but a few validation images have.

How many images of other patients it rejects, and how many other pictures it lets pass, is measured by
`benchmarks/outsiders.py`. Images that are mirrored, or cut to their middle, mostly pass. Features of the networks told
no better.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images, Values
from xray.data.intensity import grey_statistics
from xray.ood.features import outlines, principal_components

Chunks = Images | Iterable[Images]
"""Images of shape (images, size, size), uint8, at once or in parts."""

LEAST_IMAGES: Final = 100
"""Fewer training images do not teach what a chest X-ray looks like."""
MOST_IMAGES: Final = 4000
"""Training images used at most, evenly spread over all; more change nothing that can be measured."""
COMPONENTS: Final = 64
USUAL: Final = 0.99
"""A limit is from the distance that this share of the validation images does not exceed, or of the training images where
that is larger: few or very uniform validation images must not set a limit that the training images would fail."""
STRANGE: Final = 2
"""Of the validation images the so many furthest have no weight, however few images there are: strange pictures among them
must not let others in."""
MARGIN: Final = 1.2
"""By which a limit is larger than that distance, for images of other patients and places: of 2,103 training images that a
fit had not used, both limits together rejected 0.6%. No limit is below it."""
WIDE: Final = 1.25
"""How many times as wide as for the training images a limit may be without a word: at that, some 2% of the pictures of
`benchmarks/outsiders.py` pass that are no images, instead of 0.3%, and at twice a third."""
AT_ONCE: Final = 256


def tone(images: Images) -> Values:
    """The grey statistics of images in units in which they vary about equally, shape (images, 8).

    Grey levels in 32; the share of black by its square root and edges by their logarithm, being skewed.
    """
    statistics = grey_statistics(images)
    levels, black, edges = statistics[:, :5] / 32, 4 * np.sqrt(statistics[:, 5:6]), 2 * np.log1p(statistics[:, 6:])
    return np.hstack([levels, black, edges])


FEATURES: Final[dict[str, Callable[[Images], Values]]] = {"outlines": outlines, "tone": tone}
CLAUSES: Final = {
    "outlines": "its outlines do not run as in a frontal chest X-ray",
    "tone": "its brightness or sharpness is far from that of the training images",
}
"""What a distance beyond its limit is called, to be read after "rejected:"."""


@dataclass(frozen=True, eq=False)
class Part:
    """A Gaussian of some features, with few free directions, and a limit for the distance from it.

    The covariance is that of probabilistic principal component analysis (Tipping and Bishop, Journal of the Royal
    Statistical Society B 61 (1999) 611-622): its own variance along each of the largest components, one variance along
    all the others.

    Args:
        mean: Shape (features,).
        components: Unit vectors in rows, shape (components, features).
        variances: Along each of them, shape (components,).
        rest: Variance along every other direction.
        trained: Distance that the share `USUAL` of the training images does not exceed.
        limit: Distance above which a picture is rejected.
    """

    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]
    variances: npt.NDArray[np.float32]
    rest: float
    trained: float = 0.0
    limit: float = np.inf

    @property
    def least_limit(self) -> float:
        """The limit that the training images set, whatever the validation images are."""
        return MARGIN * max(self.trained, 1.0)

    def distance(self, features: Values) -> Values:
        """Mahalanobis distance, shape (images,), from features of shape (images, features)."""
        deviations: Values = features - self.mean
        along: Values = (deviations @ self.components.T.astype(np.float64)) ** 2
        beside: Values = np.maximum((deviations**2).sum(axis=1) - along.sum(axis=1), 0)
        distance: Values = np.sqrt((along / self.variances).sum(axis=1) + beside / self.rest)
        return distance


@dataclass(frozen=True, eq=False)
class OODDetector:
    """What tells whether a picture looks like a training image.

    Args:
        parts: By the keys of `FEATURES`.
        training_images: Training images that it was fitted on.
        validation_images: Validation images that the limits are from.
        rejected_of_validation: Share of these beyond a limit, 0 to 1.
    """

    parts: Mapping[str, Part]
    training_images: int
    validation_images: int = 0
    rejected_of_validation: float = 0.0

    def score(self, images: Chunks) -> Values:
        """How out-of-distribution pictures are: the larger of the two distances, each as a multiple of its limit.

        Args:
            images: Shape (images, size, size), dtype uint8, of the size that it was fitted on, at once or in parts.

        Returns:
            Shape (images,), from 0; above 1 a picture is rejected. An image's score does not depend on those beside it.
        """
        largest: Values = np.max([*self.ratios(images).values()], axis=0)
        return largest

    def ratios(self, images: Chunks) -> dict[str, Values]:
        """The distances as multiples of their limits, by the keys of `FEATURES`, each of shape (images,).

        Args:
            images: As for `score`, at once or in parts.
        """
        limits = [part.limit for part in self.parts.values()]
        chunks = [self._distances(chunk) / limits for chunk in _chunks(images)]
        found = np.concatenate([np.empty((0, len(limits))), *chunks])
        return dict(zip(self.parts, found.T, strict=True))

    def reasons(self, images: Images) -> list[str]:
        """Why each picture is rejected, in a clause for people; "" where it is familiar."""
        beyond = {name: ratios > 1 for name, ratios in self.ratios(images).items()}
        return [
            " and ".join(clause for name, clause in CLAUSES.items() if beyond[name][image])
            for image in range(len(images))
        ]

    def with_validation(self, validation: Chunks) -> "OODDetector":
        """The same Gaussians, with limits from other validation images."""
        distances = np.concatenate([np.empty((0, len(self.parts))), *map(self._distances, _chunks(validation))])
        counted = len(distances) - STRANGE
        share = min(USUAL, (counted - 1) / (len(distances) - 1)) if counted > 0 else 0.0
        quantiles = np.quantile(distances, share, axis=0) if counted > 0 else np.zeros(len(self.parts))
        parts = {
            name: replace(part, limit=max(MARGIN * float(usual), part.least_limit))
            for (name, part), usual in zip(self.parts.items(), quantiles, strict=True)
        }
        limits = [part.limit for part in parts.values()]
        rejected = float((distances > limits).any(axis=1).mean()) if len(distances) else 0.0
        return OODDetector(parts, self.training_images, len(distances), rejected)

    @property
    def widened(self) -> float:
        """How many times as wide as for the training images a limit is, at most; from 1."""
        return max(part.limit / part.least_limit for part in self.parts.values())

    @property
    def is_wide(self) -> bool:
        """Whether that is so much that a reader must know."""
        return self.widened > WIDE

    def beyond_training(self, images: Chunks) -> Values:
        """As `score`, with the limits that the training images set."""
        narrow = {name: replace(part, limit=part.least_limit) for name, part in self.parts.items()}
        return replace(self, parts=narrow).score(images)

    def describe(self) -> str:
        """What the validation images say of it, in one line; in two where they made the limits much wider."""
        told = (
            f"Pictures unlike the {self.training_images} training images looked at are rejected: "
            f"{self.rejected_of_validation:.1%} of {self.validation_images} validation images"
        )
        if not self.is_wide:
            return told
        return (
            f"{told}\n  (for them the limits are {self.widened:.2f} times as wide as for the training images, so that "
            "more pictures pass that are no images)"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {
            "training_images": self.training_images,
            "validation_images": self.validation_images,
            "rejected_of_validation": self.rejected_of_validation,
            "parts": {
                name: {
                    "mean": _packed(part.mean),
                    "components": _packed(part.components),
                    "variances": _packed(part.variances),
                    "rest": part.rest,
                    "trained": part.trained,
                    "limit": part.limit,
                }
                for name, part in self.parts.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "OODDetector":
        """What `as_dict` gave.

        Raises:
            LookupError, TypeError, ValueError: It is something else.
        """
        parts = {}
        for name in FEATURES:
            stored = values["parts"][name]
            mean, variances = _unpacked(stored["mean"]), _unpacked(stored["variances"])
            components = _unpacked(stored["components"]).reshape(len(variances), len(mean))
            parts[name] = Part(mean, components, variances, stored["rest"], stored["trained"], stored["limit"])
        return cls(parts, values["training_images"], values["validation_images"], values["rejected_of_validation"])

    def _distances(self, images: Images) -> Values:
        return np.stack([part.distance(FEATURES[name](images)) for name, part in self.parts.items()], axis=1)


def fit_ood_detector(train: Chunks, validation: Chunks) -> OODDetector | None:
    """Fit to the training images; the limits come from the validation images.

    Args:
        train: Images of shape (images, size, size), uint8, with a size of at least 16; or chunks of them.
        validation: The same of the validation images. Test images have no part in it.

    Returns:
        None where there are fewer than `LEAST_IMAGES` training images: then nothing is rejected.
    """
    # Only here: what scores images goes without SciPy.
    from xray.ood.perturb import vary

    images = _spread(train)
    if len(images) < LEAST_IMAGES:
        return None
    varied = vary(images)
    parts = {}
    for name, features in FEATURES.items():
        as_taken, otherwise = (np.concatenate([features(c) for c in _chunks(side)]) for side in (images, varied))
        part = _fit_part(np.concatenate([as_taken, otherwise]))
        parts[name] = replace(part, trained=float(np.quantile(part.distance(as_taken), USUAL)))
    return OODDetector(parts, len(images)).with_validation(validation)


def _fit_part(features: Values) -> Part:
    mean, components, variances = principal_components(features, COMPONENTS)
    # Directions in which the images do not vary at all would otherwise make every distance infinite.
    variances = np.maximum(variances, max(1e-4 * variances.mean(), 1e-6))
    largest, others = variances[: len(components)], variances[len(components) :]
    rest = float(others.mean() if len(others) else largest.min())
    return Part(mean.astype(np.float32), components.astype(np.float32), largest.astype(np.float32), rest)


def _chunks(images: Chunks) -> Iterator[Images]:
    """Images in parts of a bounded size, whatever they come as."""
    for chunk in [images] if isinstance(images, np.ndarray) else images:
        for start in range(0, len(chunk), AT_ONCE):
            yield chunk[start : start + AT_ONCE]


def _spread(images: Chunks) -> Images:
    """Evenly spaced images, all or between a half of `MOST_IMAGES` and so many, without holding the others in memory."""
    kept: list[Images] = []
    step, seen = 1, 0
    for chunk in _chunks(images):
        kept += [image.copy() for i, image in enumerate(chunk, seen) if i % step == 0]
        seen += len(chunk)
        while len(kept) > MOST_IMAGES:
            kept, step = kept[::2], 2 * step
    return np.stack(kept) if kept else np.empty((0, 1, 1), dtype=np.uint8)


def _packed(values: npt.NDArray[np.float32]) -> str:
    """Numbers as text, little-endian whatever the machine."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> npt.NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
