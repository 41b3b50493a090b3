"""The shortcut baseline: how well the classes are told apart without any lung.

A logistic regression on what is plainly no finding, such as brightness, sharpness or size of the file's picture. A
model that is not clearly above it may have learnt the same (Zech et al., PLOS Medicine 15 (2018) e1002683; DeGrave et
al., Nature Machine Intelligence 3 (2021) 610-619).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from xray.data.decode.header import ImageHeader
from xray.evaluation.ranking import Labels, Scores

Features = npt.NDArray[np.float64]
"""Shape (images, features)."""

SHAPE_FEATURES: Final = ("log_width", "log_height", "log_aspect", "in_colour")


@dataclass(frozen=True)
class LogisticBaseline:
    """A fitted logistic regression on standardised features; each field has one entry for each feature."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    """What the features are divided by; 1 for a constant one, which then says nothing."""
    coefficients: tuple[float, ...]
    intercept: float

    def score(self, features: Features) -> Scores:
        """Log-odds of the positive class, shape (images,), as if both classes were equally frequent."""
        standardised = (features - np.array(self.mean)) / np.array(self.scale)
        scores: Scores = standardised @ np.array(self.coefficients) + self.intercept
        return scores

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LogisticBaseline":
        """What `as_dict` gave."""
        names, mean, scale, coefficients = (tuple(values[key]) for key in ("names", "mean", "scale", "coefficients"))
        return cls(names, mean, scale, coefficients, float(values["intercept"]))


def fit_baseline(names: Sequence[str], features: Features, labels: Labels) -> LogisticBaseline:
    """Fit by scikit-learn's `LogisticRegression` (L2 penalty, C = 1), both classes weighing the same.

    Args:
        names: Names of the features.
        features: Finite numbers, shape (images, features).
        labels: 0 or 1, shape (images,).

    Raises:
        ValueError: A class is absent, or a feature is no finite number.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = features.mean(axis=0), features.std(axis=0)
    # Rounding leaves a spread also of equal numbers.
    scale = np.where(scale > 1e-9 * np.maximum(1, np.abs(mean)), scale, 1.0)
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit((features - mean) / scale, labels)
    return LogisticBaseline(
        tuple(names),
        tuple(mean.tolist()),
        tuple(scale.tolist()),
        tuple(model.coef_[0].tolist()),
        float(model.intercept_[0]),
    )


def cross_validated_scores(features: Features, labels: Labels, groups: Sequence[str], folds: int = 5) -> Scores:
    """Score each image by a baseline that was fitted without its patient.

    Args:
        features: Finite numbers, shape (images, features).
        labels: 0 or 1, shape (images,).
        groups: What may not be parted, such as the patient of each image.
        folds: Parts, each of whole groups and with both classes as far as can be; fewer where a class has fewer groups.

    Returns:
        Log-odds, shape (images,); all NaN where a class has fewer than two groups or a fold cannot be fitted.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    undefined = np.full(len(labels), np.nan)
    numbers = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)[1].ravel()
    parts = min([folds, *(len(set(numbers[labels == label].tolist())) for label in (0, 1))])
    if parts < 2:
        return undefined
    scores = undefined.copy()
    names = [""] * features.shape[1]
    splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=0)
    for rest, held_out in splitter.split(features, labels, numbers):
        if len(set(labels[rest].tolist())) < 2:
            return undefined
        scores[held_out] = fit_baseline(names, features[rest], labels[rest]).score(features[held_out])
    return scores


def shape_features(facts: Sequence[ImageHeader]) -> tuple[tuple[str, ...], Features]:
    """What size and mode of the files tell, before a pixel is seen.

    Args:
        facts: Of each image, as `xray.data.decode.header.read_headers` gives them.

    Returns:
        Names, and shape (images, 4): natural logarithms of width and height in pixels and of their ratio, and whether
        the file is stored in colour, 0 or 1.
    """
    rows = [
        (np.log(image.width), np.log(image.height), np.log(image.aspect), float(image.in_colour)) for image in facts
    ]
    return SHAPE_FEATURES, np.array(rows, dtype=np.float64).reshape(-1, len(SHAPE_FEATURES))
