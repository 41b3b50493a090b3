"""Shortcut baselines: how well the classes are told apart without any lung, set against the model.

A baseline is a logistic regression on what is plainly no finding, such as brightness, sharpness or the size of the
file's picture. A model that is not clearly above it may have learnt the same (Zech et al., PLOS Medicine 15 (2018)
e1002683; DeGrave et al., Nature Machine Intelligence 3 (2021) 610-619).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from xray.data.decode.header import ImageHeader
from xray.evaluation.ranking import Features, Labels, Ranking, Scores, Values, Weights
from xray.evaluation.resampling import Patients, estimates

SHAPE_FEATURES: Final = ("log_width", "log_height", "log_aspect", "in_colour")
BASELINES = {
    "statistics": "Logistic regression on eight statistics of intensity and sharpness",
    "shape": "Logistic regression on the image's size and mode",
    "statistics_and_shape": "Logistic regression on both",
}
"""Models of their own that see no lungs; the model has to be clearly above them."""
ABLATION_IMAGES = {
    "border_only": "The model itself, shown the border of each image only",
    "centre_blanked": "The model itself, the centre of each image blanked",
}
"""What the model still tells when it cannot see the lungs."""


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


def shortcut_figures(
    labels: Labels, logits: Scores, ablations: Mapping[str, Scores], patients: Patients
) -> dict[str, Any]:
    """Set the model against each baseline, on the same resamples of patients.

    Args:
        labels: 0 or 1, shape (images,).
        logits: The model's, shape (images,).
        ablations: Scores by the keys of `BASELINES` and `ABLATION_IMAGES`, each of shape (images,).
        patients: Whose images they are.

    Returns:
        A row for each control with its AUROC and how far the model is above it, the prediction "clear", "not clear" or
        None where nothing was recorded, and the sentences that say so.
    """
    ranking = Ranking.of(labels, logits)
    shown = {name: title for name, title in (BASELINES | ABLATION_IMAGES).items() if name in ablations}
    rankings = {name: Ranking.of(labels, ablations[name]) for name in shown}

    def figures(weights: Weights) -> dict[str, Values]:
        model = ranking.auroc(weights)
        found = {name: other.auroc(weights) for name, other in rankings.items()}
        return found | {f"above {name}": model - auroc for name, auroc in found.items()}

    found = estimates(patients, figures) if shown else {}
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "title": title,
            "auroc": found[name].as_dict(),
            "model_above_it_by": found[f"above {name}"].as_dict(),
        }
        for name, title in shown.items()
    ]
    baselines = [row for row in rows if row["name"] in BASELINES]
    if not baselines:
        return {
            "ablations": rows,
            "prediction": None,
            "sentences": ["No shortcut baseline is on record for this checkpoint."],
        }
    unclear = [row for row in baselines if not (row["model_above_it_by"]["low"] or 0) > 0]
    sentences = [
        f"The model is not clearly above this: {row['title']}, AUROC {_written(row)}. Nothing here shows that it looks "
        "at lungs."
        for row in unclear
    ] or ["The model is clearly above every baseline: the interval of each difference lies above zero."]
    sentences += [
        f"{row['title']}: AUROC {_written(row)}. That much it can reach by what lies outside the lungs."
        for row in rows
        if row["name"] in ABLATION_IMAGES and (row["auroc"]["low"] or 0) > 0.5
    ]
    return {"ablations": rows, "prediction": "not clear" if unclear else "clear", "sentences": sentences}


def _written(row: Mapping[str, Any]) -> str:
    value = row["auroc"]["value"]
    return "not defined" if value is None else f"{value:.3f}"
