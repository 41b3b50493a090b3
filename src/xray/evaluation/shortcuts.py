"""Compare the model with shortcut baselines and input ablations.

A shortcut baseline is a logistic regression that uses no anatomy, only whole-image statistics and file properties such
as brightness, sharpness or image size. A model that is not clearly above it may have learnt the same shortcut (Zech et
al., PLOS Medicine 15 (2018) e1002683; DeGrave et al., Nature Machine Intelligence 3 (2021) 610-619).
"""

from collections.abc import Mapping
from typing import Any

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.ranking import Ranking
from xray.evaluation.resampling import Patients, estimates

BASELINES = {
    "statistics": "Logistic regression on eight statistics of intensity and sharpness",
    "shape": "Logistic regression on the image's size and mode",
    "statistics_and_shape": "Logistic regression on both",
}
"""Shortcut baselines: separate models that use no anatomy, with their titles."""
ABLATION_IMAGES = {
    "border_only": "The model, shown only the border of each image",
    "centre_masked": "The model, shown each image with its centre masked",
}
"""Input ablations: the model itself on images with the lungs hidden, with their titles."""


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
            "auroc_difference": values[f"above {name}"].as_dict(),
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
    unclear = [row for row in baselines if not (row["auroc_difference"]["low"] or 0) > 0]
    sentences = [
        f"The model is not clearly above this baseline: {row['title']}, AUROC {_format_auroc(row)}. Nothing here shows "
        "that it uses the lungs."
        for row in unclear
    ] or ["The model is clearly above every baseline: the interval of each difference is above zero."]
    sentences += [
        f"{row['title']}, still reaches AUROC {_format_auroc(row)}, with most of the lungs hidden."
        for row in rows
        if row["name"] in ABLATION_IMAGES and (row["auroc"]["low"] or 0) > 0.5
    ]
    return {"ablations": rows, "conclusion": "not clear" if unclear else "clear", "sentences": sentences}


def _format_auroc(row: Mapping[str, Any]) -> str:
    value = row["auroc"]["value"]
    return "not defined" if value is None else f"{value:.3f}"
