"""The shortcut baseline: what one gets without looking at lungs, set against the model; functions on arrays."""

from collections.abc import Mapping
from typing import Any

from xray.evaluation.ranking import Labels, Ranking, Scores, Values, Weights
from xray.evaluation.resampling import Patients, estimates

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
