"""Fit and cross-validate the logistic regressions that serve as shortcut baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xray.evaluation.arrays import Features, Labels, Scores


@dataclass(frozen=True)
class LogisticBaseline:
    """A fitted logistic regression on standardised features; tuples have one entry per feature."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    """Divisors of the features; 1 for a constant feature."""
    coefficients: tuple[float, ...]
    intercept: float

    def score(self, features: Features) -> Scores:
        """Return the log-odds of the positive class for balanced classes, shape (images,)."""
        standardised = (features - np.array(self.mean)) / np.array(self.scale)
        scores: Scores = standardised @ np.array(self.coefficients) + self.intercept
        return scores

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LogisticBaseline":
        """Restore from the output of `as_dict`."""
        names, mean, scale, coefficients = (tuple(values[key]) for key in ("names", "mean", "scale", "coefficients"))
        return cls(names, mean, scale, coefficients, float(values["intercept"]))


def fit_baseline(names: Sequence[str], features: Features, labels: Labels) -> LogisticBaseline:
    """Fit scikit-learn's `LogisticRegression` (L2 penalty, C = 1) with balanced class weights.

    Raises:
        ValueError: A class is absent, or a feature is not finite.
    """
    from sklearn.linear_model import LogisticRegression

    mean, scale = features.mean(axis=0), features.std(axis=0)
    # Rounding gives even a constant feature a tiny spread.
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
    """Score each image with a baseline fitted without its group.

    Args:
        features: Finite numbers, shape (images, features).
        labels: 0 or 1, shape (images,).
        groups: Images of one group stay in one fold, such as the patient of each image.
        folds: Number of folds, stratified as far as possible; fewer if a class has fewer groups.

    Returns:
        Log-odds, shape (images,); all NaN if a class has fewer than two groups or a fold cannot be fitted.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    undefined = np.full(len(labels), np.nan)
    group_indices = np.unique(np.array(groups, dtype=str), return_inverse=True)[1]
    folds = min([folds, *(len(set(group_indices[labels == label].tolist())) for label in (0, 1))])
    if folds < 2:
        return undefined
    scores = undefined.copy()
    names = [""] * features.shape[1]
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for train, held_out in splitter.split(features, labels, group_indices):
        if len(set(labels[train].tolist())) < 2:
            return undefined
        scores[held_out] = fit_baseline(names, features[train], labels[train]).score(features[held_out])
    return scores
