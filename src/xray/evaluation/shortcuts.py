"""Shortcut baselines and input ablations, compared with the model.

A shortcut baseline is a logistic regression that uses no anatomy, only whole-image statistics and file properties such
as brightness, sharpness or image size. A model that is not clearly above it may have learnt the same shortcut (Zech et
al., PLOS Medicine 15 (2018) e1002683; DeGrave et al., Nature Machine Intelligence 3 (2021) 610-619).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from xray.data.decode.header import ImageHeader
from xray.evaluation.arrays import Features, Labels, ResampleValues, Scores, Weights
from xray.evaluation.ranking import Ranking
from xray.evaluation.resampling import Patients, estimates

SHAPE_FEATURES: Final = ("log_width", "log_height", "log_aspect", "in_colour")
BASELINES = {
    "statistics": "Logistic regression on eight statistics of intensity and sharpness",
    "shape": "Logistic regression on the image's size and mode",
    "statistics_and_shape": "Logistic regression on both",
}
"""Shortcut baselines: separate models that use no anatomy, with their titles."""
ABLATION_IMAGES = {
    "border_only": "The model itself, border of each image only",
    "centre_blanked": "The model itself, centre of each image masked",
}
"""Input ablations: the model itself on images with the lungs hidden, with their titles."""


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


def shape_features(headers: Sequence[ImageHeader]) -> tuple[tuple[str, ...], Features]:
    """Return the features of the shape baseline, from image headers only.

    Returns:
        Names, and features of shape (images, 4): natural logarithms of width, height and aspect ratio, and whether the
        file is stored in colour, 0 or 1.
    """
    rows = [
        (np.log(image.width), np.log(image.height), np.log(image.aspect), float(image.in_colour)) for image in headers
    ]
    return SHAPE_FEATURES, np.array(rows, dtype=np.float64).reshape(-1, len(SHAPE_FEATURES))


def shortcut_metrics(
    labels: Labels, logits: Scores, ablations: Mapping[str, Scores], patients: Patients
) -> dict[str, Any]:
    """Compare the model with each shortcut baseline and input ablation on the same resamples of patients.

    Ablations are named by the keys of `BASELINES` and `ABLATION_IMAGES`; others are ignored.

    Returns:
        A row for each baseline and ablation with its AUROC and the difference of the model's AUROC; whether the model
        is above all baselines ("clear", "not clear", or None if none was recorded); and sentences for the report.
    """
    ranking = Ranking.of(labels, logits)
    titles = {name: title for name, title in (BASELINES | ABLATION_IMAGES).items() if name in ablations}
    rankings = {name: Ranking.of(labels, ablations[name]) for name in titles}

    def metrics(weights: Weights) -> dict[str, ResampleValues]:
        model = ranking.auroc(weights)
        others = {name: other.auroc(weights) for name, other in rankings.items()}
        return others | {f"above {name}": model - auroc for name, auroc in others.items()}

    values = estimates(patients, metrics) if titles else {}
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "title": title,
            "auroc": values[name].as_dict(),
            "model_above_it_by": values[f"above {name}"].as_dict(),
        }
        for name, title in titles.items()
    ]
    baselines = [row for row in rows if row["name"] in BASELINES]
    if not baselines:
        return {
            "ablations": rows,
            "conclusion": None,
            "sentences": ["No shortcut baseline was recorded for this checkpoint."],
        }
    unclear = [row for row in baselines if not (row["model_above_it_by"]["low"] or 0) > 0]
    sentences = [
        f"The model is not clearly above this baseline: {row['title']}, AUROC {_format_auroc(row)}. Nothing here shows "
        "that it uses the lungs."
        for row in unclear
    ] or ["The model is clearly above every baseline: the interval of each difference is above zero."]
    sentences += [
        f"{row['title']}: AUROC {_format_auroc(row)}. The model reaches this with most of the lungs hidden."
        for row in rows
        if row["name"] in ABLATION_IMAGES and (row["auroc"]["low"] or 0) > 0.5
    ]
    return {"ablations": rows, "conclusion": "not clear" if unclear else "clear", "sentences": sentences}


def _format_auroc(row: Mapping[str, Any]) -> str:
    value = row["auroc"]["value"]
    return "not defined" if value is None else f"{value:.3f}"
