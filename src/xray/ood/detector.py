"""Out-of-distribution (OOD) detection: images that do not look like the training images get no probability.

Two kinds of features are compared: the position and direction of an image's outlines, and its brightness and sharpness.
Each gives the distance from a Gaussian fitted to the training images and to one perturbed copy of each (see
`xray.ood.perturb`), so that images from another hospital, rotated or exposed slightly differently, stay in
distribution. An image is rejected if either distance is larger than that of all but a few validation images.

`benchmarks/rejections.py` measures how many images of other patients are rejected and how many other images pass.
Mirrored images and centre crops mostly pass. Features taken from the trained networks did not separate the images
better.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images, ImageValues
from xray.data.intensity import grey_statistics
from xray.ood.features import gradient_histograms, principal_components

Chunks = Images | Iterable[Images]
"""Images of shape (images, size, size), uint8, at once or in parts."""

MIN_IMAGES: Final = 100
"""Fewer training images are too few to fit the Gaussians."""
MAX_IMAGES: Final = 4000
"""Maximum number of training images used, evenly spaced among all; more make no measurable difference."""
COMPONENTS: Final = 64
QUANTILE: Final = 0.99
"""A limit comes from this quantile of the distances of the validation images, or of the training images if that is
larger: few or very uniform validation images must not set a limit that training images would exceed."""
IGNORED: Final = 2
"""Number of the most distant validation images that are ignored, however few there are: outliers among them must not
widen the limits."""
MARGIN: Final = 1.2
"""Factor on that distance, for images of other patients and sites: of 2,103 training images that a fit had not used,
both limits together rejected 0.6%. 1.2 is also the smallest possible limit."""
WIDE: Final = 1.25
"""Ratio to the limit of the training images above which a limit is reported as wide: at this ratio some 2% of the other
images of `benchmarks/rejections.py` pass instead of 0.3%, at a ratio of 2 a third."""
CHUNK: Final = 256


def intensity_features(images: Images) -> ImageValues:
    """Return grey statistics scaled to vary about equally, shape (images, 8).

    Grey levels are divided by 32; the skewed fraction of black enters by its square root, edges by their logarithm.
    """
    statistics = grey_statistics(images)
    levels, black, edges = statistics[:, :5] / 32, 4 * np.sqrt(statistics[:, 5:6]), 2 * np.log1p(statistics[:, 6:])
    return np.hstack([levels, black, edges])


FEATURES: Final[dict[str, Callable[[Images], ImageValues]]] = {
    "outlines": gradient_histograms,
    "tone": intensity_features,
}
CLAUSES: Final = {
    "outlines": "its outlines differ from those of a frontal chest X-ray",
    "tone": "its brightness or sharpness is far from that of the training images",
}
"""Reason for a distance above its limit, to follow "rejected:"."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A Gaussian fitted to features of images, and a limit for the distance from it.

    The covariance is that of probabilistic principal component analysis (Tipping and Bishop, Journal of the Royal
    Statistical Society B 61 (1999) 611-622): one variance per principal component, and a common variance along all
    other directions.
    """

    mean: npt.NDArray[np.float32]
    """Shape (features,)."""
    components: npt.NDArray[np.float32]
    """Unit vectors in rows, shape (components, features)."""
    variances: npt.NDArray[np.float32]
    """Variance along each component, shape (components,)."""
    residual_variance: float
    """Variance along every other direction."""
    training_quantile: float = 0.0
    """The quantile `QUANTILE` of the distances of the training images."""
    limit: float = float("inf")
    """Distance above which an image is rejected."""

    @property
    def min_limit(self) -> float:
        """The limit that the training images alone would set."""
        return MARGIN * max(self.training_quantile, 1.0)

    def distance(self, features: ImageValues) -> ImageValues:
        """Return the Mahalanobis distance, shape (images,), of features of shape (images, features)."""
        deviations: ImageValues = features - self.mean
        along: ImageValues = (deviations @ self.components.T.astype(np.float64)) ** 2
        across: ImageValues = np.maximum((deviations**2).sum(axis=1) - along.sum(axis=1), 0)
        distance: ImageValues = np.sqrt((along / self.variances).sum(axis=1) + across / self.residual_variance)
        return distance

    def as_dict(self) -> dict[str, str | float]:
        """Return plain values for JSON."""
        return {
            "mean": _packed(self.mean),
            "components": _packed(self.components),
            "variances": _packed(self.variances),
            "rest": self.residual_variance,
            "trained": self.training_quantile,
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Gaussian":
        """Return the Gaussian that `as_dict` was called on."""
        mean, variances = _unpacked(values["mean"]), _unpacked(values["variances"])
        components = _unpacked(values["components"]).reshape(len(variances), len(mean))
        return cls(mean, components, variances, values["rest"], values["trained"], values["limit"])


@dataclass(frozen=True, eq=False)
class OODDetector:
    """OOD detector: score the distance of an image from the training images."""

    gaussians: Mapping[str, Gaussian]
    """A Gaussian for each of `FEATURES`."""
    training_images: int
    """Number of training images that it was fitted on."""
    validation_images: int = 0
    """Number of validation images that set the limits."""
    rejected_of_validation: float = 0.0
    """Fraction of the validation images above a limit, 0 to 1."""

    def score(self, images: Chunks) -> ImageValues:
        """Return OOD scores, shape (images,): the larger of the two distances, each as a multiple of its limit.

        Above 1 an image is rejected. A score does not depend on the other images, which must be of the size that the
        detector was fitted on.
        """
        largest: ImageValues = np.max([*self.ratios(images).values()], axis=0)
        return largest

    def ratios(self, images: Chunks) -> dict[str, ImageValues]:
        """Return the distances as multiples of their limits, each of shape (images,), by the keys of `FEATURES`."""
        limits = [gaussian.limit for gaussian in self.gaussians.values()]
        chunks = [self._distances(chunk) / limits for chunk in _chunks(images)]
        ratios = np.concatenate([np.empty((0, len(limits))), *chunks])
        return dict(zip(self.gaussians, ratios.T, strict=True))

    def reasons(self, images: Images) -> list[str]:
        """Return why each image is rejected, as a clause; "" if it is in distribution."""
        above = {name: ratios > 1 for name, ratios in self.ratios(images).items()}
        return [
            " and ".join(clause for name, clause in CLAUSES.items() if above[name][image])
            for image in range(len(images))
        ]

    def with_validation(self, validation: Chunks) -> "OODDetector":
        """Return the same Gaussians with limits from other validation images."""
        distances = np.concatenate([np.empty((0, len(self.gaussians))), *map(self._distances, _chunks(validation))])
        counted = len(distances) - IGNORED
        share = min(QUANTILE, (counted - 1) / (len(distances) - 1)) if counted > 0 else 0.0
        quantiles = np.quantile(distances, share, axis=0) if counted > 0 else np.zeros(len(self.gaussians))
        gaussians = {
            name: replace(gaussian, limit=max(MARGIN * float(usual), gaussian.min_limit))
            for (name, gaussian), usual in zip(self.gaussians.items(), quantiles, strict=True)
        }
        limits = [gaussian.limit for gaussian in gaussians.values()]
        rejected = float((distances > limits).any(axis=1).mean()) if len(distances) else 0.0
        return OODDetector(gaussians, self.training_images, len(distances), rejected)

    @property
    def limit_ratio(self) -> float:
        """Largest ratio of a limit to that of the training images; from 1."""
        return max(gaussian.limit / gaussian.min_limit for gaussian in self.gaussians.values())

    @property
    def is_wide(self) -> bool:
        """Whether the limits are so wide that it must be reported."""
        return self.limit_ratio > WIDE

    def score_with_training_limits(self, images: Chunks) -> ImageValues:
        """Return scores as `score` does, with the limits that the training images alone would set."""
        narrow = {name: replace(gaussian, limit=gaussian.min_limit) for name, gaussian in self.gaussians.items()}
        return replace(self, gaussians=narrow).score(images)

    def describe(self) -> str:
        """Return one line on the validation images, and a second if they made the limits much wider."""
        line = (
            f"OOD check fitted on {self.training_images} training images: it rejects "
            f"{self.rejected_of_validation:.1%} of {self.validation_images} validation images"
        )
        if not self.is_wide:
            return line
        return (
            f"{line}\n  (they make its limits {self.limit_ratio:.2f} times as wide as the training images alone would, "
            "so that more images pass that are not chest X-rays)"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "training_images": self.training_images,
            "validation_images": self.validation_images,
            "rejected_of_validation": self.rejected_of_validation,
            "parts": {name: gaussian.as_dict() for name, gaussian in self.gaussians.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "OODDetector":
        """Return the detector that `as_dict` was called on.

        Raises:
            LookupError, TypeError, ValueError: The values are something else.
        """
        gaussians = {}
        for name in FEATURES:
            gaussians[name] = Gaussian.from_dict(values["parts"][name])
        return cls(gaussians, values["training_images"], values["validation_images"], values["rejected_of_validation"])

    def _distances(self, images: Images) -> ImageValues:
        return np.stack(
            [gaussian.distance(FEATURES[name](images)) for name, gaussian in self.gaussians.items()], axis=1
        )


def fit_ood_detector(train: Chunks, validation: Chunks) -> OODDetector | None:
    """Fit an OOD detector to the training images, with limits from the validation images.

    Args:
        train: Images of shape (images, size, size), uint8, with a size of at least 16; or chunks of them.
        validation: The same of the validation images. Test images have no part in it.

    Returns:
        None with fewer than `MIN_IMAGES` training images: then nothing is rejected.
    """
    # Imported here, since scoring images works without SciPy.
    from xray.ood.perturb import perturb

    images = _evenly_spaced(train)
    if len(images) < MIN_IMAGES:
        return None
    perturbed = perturb(images)
    gaussians = {}
    for name, features in FEATURES.items():
        original, changed = (np.concatenate([features(c) for c in _chunks(side)]) for side in (images, perturbed))
        gaussian = _fit_gaussian(np.concatenate([original, changed]))
        gaussians[name] = replace(gaussian, training_quantile=float(np.quantile(gaussian.distance(original), QUANTILE)))
    return OODDetector(gaussians, len(images)).with_validation(validation)


def _fit_gaussian(features: ImageValues) -> Gaussian:
    mean, components, variances = principal_components(features, COMPONENTS)
    # Directions without any variance would make every distance infinite.
    variances = np.maximum(variances, max(1e-4 * variances.mean(), 1e-6))
    largest, others = variances[: len(components)], variances[len(components) :]
    residual = float(others.mean() if len(others) else largest.min())
    return Gaussian(mean.astype(np.float32), components.astype(np.float32), largest.astype(np.float32), residual)


def _chunks(images: Chunks) -> Iterator[Images]:
    """Yield images in chunks of at most `CHUNK`."""
    for chunk in [images] if isinstance(images, np.ndarray) else images:
        for start in range(0, len(chunk), CHUNK):
            yield chunk[start : start + CHUNK]


def _evenly_spaced(images: Chunks) -> Images:
    """Return evenly spaced images, at most `MAX_IMAGES`, without holding the others in memory."""
    kept: list[Images] = []
    step, seen = 1, 0
    for chunk in _chunks(images):
        kept += [image.copy() for i, image in enumerate(chunk, seen) if i % step == 0]
        seen += len(chunk)
        while len(kept) > MAX_IMAGES:
            kept, step = kept[::2], 2 * step
    return np.stack(kept) if kept else np.empty((0, 1, 1), dtype=np.uint8)


def _packed(values: npt.NDArray[np.float32]) -> str:
    """Return numbers as text, in little-endian order on any machine."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> npt.NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
