"""Compare the model with shortcut baselines and input ablations.

A shortcut baseline is a logistic regression that uses no anatomy, only whole-image statistics and file properties such
as brightness, sharpness or image size. A model that is not clearly above it may have learnt the same shortcut (Zech et
al., PLOS Medicine 15 (2018) e1002683; DeGrave et al., Nature Machine Intelligence 3 (2021) 610-619).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from xray.evaluation.ablations import ABLATIONS
from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.ranking import Ranking
from xray.evaluation.resampling import Patients, estimates

BASELINES = {
    "statistics": "Logistic regression on eight statistics of intensity and sharpness",
    "shape": "Logistic regression on the image's size and mode",
    "statistics_and_shape": "Logistic regression on intensity, sharpness, size and mode",
}
"""Shortcut baselines: separate models that use no anatomy, with their titles."""


def shortcut_metrics(
    labels: Labels, logits: Scores, ablations: Mapping[str, Scores], patients: Patients
) -> dict[str, Any]:
    """Compare the model with each shortcut baseline and input ablation on the same resamples of patients.

    Ablations are named by the keys of `BASELINES` and `ABLATIONS`; others are ignored.

    Returns:
        A row for each baseline and ablation with its AUROC and the difference of the model's AUROC; whether the model
        is above all baselines ("clear"), below one ("worse") or neither ("not clear"), None if none was recorded; and
        sentences for the report.
    """
    ranking = Ranking.of(labels, logits)
    ablation_titles = {name: ablation.title for name, ablation in ABLATIONS.items()}
    titles = {name: title for name, title in (BASELINES | ablation_titles).items() if name in ablations}
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
            "meaning": ABLATIONS[name].meaning if name in ABLATIONS else "",
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
            "sentences": ["No shortcut baseline was recorded."],
        }
    unclear = [row for row in baselines if not (row["auroc_difference"]["low"] or 0) > 0]
    worse = [row for row in unclear if (row["auroc_difference"]["high"] or 0) < 0]
    sentences = _sentences(unclear, worse)
    sentences += [
        f"With most of the lungs hidden ({row['title'].lower()}) the model still reaches AUROC {_format_auroc(row)}."
        for row in rows
        if row["name"] in ABLATIONS and ABLATIONS[row["name"]].lungs_hidden and (row["auroc"]["low"] or 0) > 0.5
    ]
    conclusion = "worse" if worse else "not clear" if unclear else "clear"
    return {"ablations": rows, "conclusion": conclusion, "sentences": sentences}


def _sentences(unclear: Sequence[Mapping[str, Any]], worse: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the comparison says: the baselines that are better than the model, then those that may be as good."""
    if not unclear:
        return ["The model is clearly above every baseline: the interval of each difference is above zero."]
    sentences = []
    if worse:
        own = worse[0]["auroc"]["value"] + worse[0]["auroc_difference"]["value"]
        rules = "a rule that sees no lungs" if len(worse) == 1 else "rules that see no lungs"
        sentences.append(f"The model, AUROC {own:.3f}, is worse than {rules}: {_named(worse)}.")
    if as_good := [row for row in unclear if row not in worse]:
        baselines = "this baseline" if len(as_good) == 1 else "these baselines"
        sentences.append(f"The model is not clearly above {baselines}: {_named(as_good)}.")
    return [*sentences, "Nothing here shows that it uses the lungs."]


def _named(rows: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{row['title'][0].lower()}{row['title'][1:]}, AUROC {_format_auroc(row)}" for row in rows)


def _format_auroc(row: Mapping[str, Any]) -> str:
    value = row["auroc"]["value"]
    return "not defined" if value is None else f"{value:.3f}"
