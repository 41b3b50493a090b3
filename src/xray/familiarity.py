"""Out-of-distribution detection: what does not look like the training films, frontal chest films, gets no probability.

Two distances, each with a word for people: where the outlines of a picture run, and how bright and sharp it is. Each is
the distance from a Gaussian fitted to the training films and to one variation of each (see `xray.data.variations`), so
that a film of another hospital, turned or exposed a little otherwise, stays familiar. A picture is refused if either
distance is larger than all but a few validation films have.

How many films of other patients it refuses, and how many other pictures it lets pass, is measured by
`benchmarks/outsiders.py`. Films that are mirrored, or cut to their middle, mostly pass. Features of the networks told
no better.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xray.data.patterns import outlines, principal_components
from xray.data.statistics import Films, grey_statistics

Values = npt.NDArray[np.float64]
Chunks = Films | Iterable[Films]
"""Films of shape (films, size, size), uint8, at once or in parts."""

LEAST_FILMS: Final = 100
"""Fewer training films do not teach what a chest film looks like."""
MOST_FILMS: Final = 4000
"""Training films used at most, evenly spread over all; more change nothing that can be measured."""
COMPONENTS: Final = 64
USUAL: Final = 0.99
"""A limit is from the distance that this share of the validation films does not exceed, or of the training films where
that is larger: few or very uniform validation films must not set a limit that the training films would fail."""
STRANGE: Final = 2
"""Of the validation films the so many furthest have no weight, however few films there are: strange pictures among them
must not let others in."""
MARGIN: Final = 1.2
"""By which a limit is larger than that distance, for films of other patients and places: of 2,103 training films that a
fit had not used, both limits together refused 0.6%. No limit is below it."""
WIDE: Final = 1.25
"""How many times as wide as for the training films a limit may be without a word: at that, some 2% of the pictures of
`benchmarks/outsiders.py` pass that are no films, instead of 0.3%, and at twice a third."""
AT_ONCE: Final = 256


def tone(films: Films) -> Values:
    """The grey statistics of films in units in which they vary about equally, shape (films, 8).

    Grey levels in 32; the share of black by its square root and edges by their logarithm, being skewed.
    """
    statistics = grey_statistics(films)
    levels, black, edges = statistics[:, :5] / 32, 4 * np.sqrt(statistics[:, 5:6]), 2 * np.log1p(statistics[:, 6:])
    return np.hstack([levels, black, edges])


FEATURES: Final[dict[str, Callable[[Films], Values]]] = {"outlines": outlines, "tone": tone}
CLAUSES: Final = {
    "outlines": "its outlines do not run as in a frontal chest film",
    "tone": "its brightness or sharpness is far from that of the training films",
}
"""What a distance beyond its limit is called, to be read after "refused:"."""


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
        trained: Distance that the share `USUAL` of the training films does not exceed.
        limit: Distance above which a picture is refused.
    """

    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]
    variances: npt.NDArray[np.float32]
    rest: float
    trained: float = 0.0
    limit: float = np.inf

    @property
    def least_limit(self) -> float:
        """The limit that the training films set, whatever the validation films are."""
        return MARGIN * max(self.trained, 1.0)

    def distance(self, features: Values) -> Values:
        """Mahalanobis distance, shape (films,), from features of shape (films, features)."""
        deviations: Values = features - self.mean
        along: Values = (deviations @ self.components.T.astype(np.float64)) ** 2
        beside: Values = np.maximum((deviations**2).sum(axis=1) - along.sum(axis=1), 0)
        distance: Values = np.sqrt((along / self.variances).sum(axis=1) + beside / self.rest)
        return distance


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What tells whether a picture looks like a training film.

    Args:
        parts: By the keys of `FEATURES`.
        training_films: Training films that it was fitted on.
        validation_films: Validation films that the limits are from.
        refused_of_validation: Share of these beyond a limit, 0 to 1.
    """

    parts: Mapping[str, Part]
    training_films: int
    validation_films: int = 0
    refused_of_validation: float = 0.0

    def score(self, films: Chunks) -> Values:
        """How unfamiliar pictures are: the larger of the two distances, each as a multiple of its limit.

        Args:
            films: Shape (films, size, size), dtype uint8, of the size that it was fitted on, at once or in parts.

        Returns:
            Shape (films,), from 0; above 1 a picture is refused. A film's score does not depend on those beside it.
        """
        largest: Values = np.max([*self.ratios(films).values()], axis=0)
        return largest

    def ratios(self, films: Chunks) -> dict[str, Values]:
        """The distances as multiples of their limits, by the keys of `FEATURES`, each of shape (films,).

        Args:
            films: As for `score`, at once or in parts.
        """
        limits = [part.limit for part in self.parts.values()]
        chunks = [self._distances(chunk) / limits for chunk in _chunks(films)]
        found = np.concatenate([np.empty((0, len(limits))), *chunks])
        return dict(zip(self.parts, found.T, strict=True))

    def reasons(self, films: Films) -> list[str]:
        """Why each picture is refused, in a clause for people; "" where it is familiar."""
        beyond = {name: ratios > 1 for name, ratios in self.ratios(films).items()}
        return [
            " and ".join(clause for name, clause in CLAUSES.items() if beyond[name][film]) for film in range(len(films))
        ]

    def with_validation(self, validation: Chunks) -> "Familiarity":
        """The same Gaussians, with limits from other validation films."""
        distances = np.concatenate([np.empty((0, len(self.parts))), *map(self._distances, _chunks(validation))])
        counted = len(distances) - STRANGE
        share = min(USUAL, (counted - 1) / (len(distances) - 1)) if counted > 0 else 0.0
        quantiles = np.quantile(distances, share, axis=0) if counted > 0 else np.zeros(len(self.parts))
        parts = {
            name: replace(part, limit=max(MARGIN * float(usual), part.least_limit))
            for (name, part), usual in zip(self.parts.items(), quantiles, strict=True)
        }
        limits = [part.limit for part in parts.values()]
        refused = float((distances > limits).any(axis=1).mean()) if len(distances) else 0.0
        return Familiarity(parts, self.training_films, len(distances), refused)

    @property
    def widened(self) -> float:
        """How many times as wide as for the training films a limit is, at most; from 1."""
        return max(part.limit / part.least_limit for part in self.parts.values())

    @property
    def is_wide(self) -> bool:
        """Whether that is so much that a reader must know."""
        return self.widened > WIDE

    def beyond_training(self, films: Chunks) -> Values:
        """As `score`, with the limits that the training films set."""
        narrow = {name: replace(part, limit=part.least_limit) for name, part in self.parts.items()}
        return replace(self, parts=narrow).score(films)

    def describe(self) -> str:
        """What the validation films say of it, in one line; in two where they made the limits much wider."""
        told = (
            f"Pictures unlike the {self.training_films} training films looked at are refused: "
            f"{self.refused_of_validation:.1%} of {self.validation_films} validation films"
        )
        if not self.is_wide:
            return told
        return (
            f"{told}\n  (for them the limits are {self.widened:.2f} times as wide as for the training films, so that "
            "more pictures pass that are no films)"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {
            "training_films": self.training_films,
            "validation_films": self.validation_films,
            "refused_of_validation": self.refused_of_validation,
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
    def from_dict(cls, values: Mapping[str, Any]) -> "Familiarity":
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
        return cls(parts, values["training_films"], values["validation_films"], values["refused_of_validation"])

    def _distances(self, films: Films) -> Values:
        return np.stack([part.distance(FEATURES[name](films)) for name, part in self.parts.items()], axis=1)


def fit_familiarity(train: Chunks, validation: Chunks) -> Familiarity | None:
    """Fit to the training films; the limits come from the validation films.

    Args:
        train: Films of shape (films, size, size), uint8, with a size of at least 16; or chunks of them.
        validation: The same of the validation films. Test films have no part in it.

    Returns:
        None where there are fewer than `LEAST_FILMS` training films: then nothing is refused.
    """
    # Only here: what scores films goes without SciPy.
    from xray.data.variations import vary

    films = _spread(train)
    if len(films) < LEAST_FILMS:
        return None
    varied = vary(films)
    parts = {}
    for name, features in FEATURES.items():
        as_taken, otherwise = (np.concatenate([features(c) for c in _chunks(side)]) for side in (films, varied))
        part = _fit_part(np.concatenate([as_taken, otherwise]))
        parts[name] = replace(part, trained=float(np.quantile(part.distance(as_taken), USUAL)))
    return Familiarity(parts, len(films)).with_validation(validation)


def _fit_part(features: Values) -> Part:
    mean, components, variances = principal_components(features, COMPONENTS)
    # Directions in which the films do not vary at all would otherwise make every distance infinite.
    variances = np.maximum(variances, max(1e-4 * variances.mean(), 1e-6))
    largest, others = variances[: len(components)], variances[len(components) :]
    rest = float(others.mean() if len(others) else largest.min())
    return Part(mean.astype(np.float32), components.astype(np.float32), largest.astype(np.float32), rest)


def _chunks(films: Chunks) -> Iterator[Films]:
    """Films in parts of a bounded size, whatever they come as."""
    for chunk in [films] if isinstance(films, np.ndarray) else films:
        for start in range(0, len(chunk), AT_ONCE):
            yield chunk[start : start + AT_ONCE]


def _spread(films: Chunks) -> Films:
    """Evenly spaced films, all or between a half of `MOST_FILMS` and so many, without holding the others in memory."""
    kept: list[Films] = []
    step, seen = 1, 0
    for chunk in _chunks(films):
        kept += [film.copy() for i, film in enumerate(chunk, seen) if i % step == 0]
        seen += len(chunk)
        while len(kept) > MOST_FILMS:
            kept, step = kept[::2], 2 * step
    return np.stack(kept) if kept else np.empty((0, 1, 1), dtype=np.uint8)


def _packed(values: npt.NDArray[np.float32]) -> str:
    """Numbers as text, little-endian whatever the machine."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> npt.NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
