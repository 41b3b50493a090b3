"""All figures of a predictions table, as plain values: what metrics.json holds and the report shows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from xray.evaluation.calibration import BINS, calibration_slope, probability_of, reliability
from xray.evaluation.delong import delong_interval
from xray.evaluation.metrics import (
    PREVALENCES,
    Confusion,
    as_numbers,
    calibration_figures,
    decision_figures,
    ranking_figures,
)
from xray.evaluation.ranking import Labels, Ranking, Scores, Values, Weights
from xray.evaluation.rejections import by_rejection, rejection_figures
from xray.evaluation.resampling import LEVEL, RESAMPLES, Estimate, Patients, estimates
from xray.evaluation.robustness import robustness_figures
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.shortcuts import shortcut_figures
from xray.evaluation.subgroups import Subgroup, by_name, by_size


def summarise(scored_set: ScoredSet) -> dict[str, Any]:
    """Every figure of a report.

    Args:
        scored_set: Predictions of images whose labels are known, with their source.

    Returns:
        Plain values for JSON; a figure is a mapping of value, low and high, each None where it is not defined, with the
        reason beside it.
    """
    table, source = scored_set.table, scored_set.source
    class_names = source["class_names"]
    labels, decisions = as_numbers(table.label, class_names), as_numbers(table.decision, class_names)
    patients = Patients.of(table.patient, labels)
    groups, notes = _subgroups(scored_set, labels)
    temperature = float(source["temperature"])
    before, after = _calibration(labels, table.logit, temperature, patients)
    figures = _figures(labels, table.logit, decisions, patients) | after
    return {
        "images": len(table),
        "patients": len(set(table.patient)),
        "class_names": list(class_names),
        "images_by_class": {name: int((labels == i).sum()) for i, name in enumerate(class_names)},
        "patients_by_class": dict(zip(class_names, patients.of_class, strict=True)),
        "prevalence": float(labels.mean()) if len(labels) else None,
        "threshold": float(source["threshold"]),
        "temperature": temperature,
        "figures": {name: found.as_dict() for name, found in figures.items()},
        "auroc_delong": delong_interval(labels, table.logit).as_dict(),
        "before_scaling": {name: found.as_dict() for name, found in before.items()},
        "confusion_matrix": _confusion(labels, decisions),
        "reliability": {
            "bins": BINS,
            "before": [asdict(b) for b in reliability(labels, probability_of(table.logit, 1.0))],
            "after": [asdict(b) for b in reliability(labels, table.probability)],
        },
        "subgroups": [_subgroup(group, labels, table.logit, decisions, table.patient, class_names) for group in groups],
        "subgroup_notes": notes,
        "rejections": rejection_figures(labels, scored_set.ood_scores, patients, class_names),
        "shortcuts": shortcut_figures(labels, table.logit, scored_set.ablations, patients),
        "robustness": robustness_figures(
            labels, table.logit, scored_set.robustness, temperature, source["threshold"], patients
        ),
        "duplicates": list(scored_set.duplicates),
        "method": {
            "level": LEVEL,
            "resamples": RESAMPLES,
            "interval": "percentiles of a bootstrap of patients, stratified by class",
            "prevalences": list(PREVALENCES),
        },
        "source": dict(source),
    }


def _figures(labels: Labels, logits: Scores, decisions: Labels, patients: Patients) -> dict[str, Estimate]:
    ranking = Ranking.of(labels, logits)

    def figures(weights: Weights) -> dict[str, Values]:
        return ranking_figures(ranking, weights) | decision_figures(labels, decisions, weights)

    return estimates(patients, figures)


def _calibration(
    labels: Labels, logits: Scores, temperature: float, patients: Patients
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Figures of calibration before and after scaling."""

    def figures(weights: Weights) -> dict[str, Values]:
        slope = calibration_slope(labels, logits, weights)
        before = calibration_figures(labels, logits, weights, slope)
        after = calibration_figures(labels, logits / temperature, weights, slope * temperature)
        return {f"before {name}": values for name, values in before.items()} | after

    found = estimates(patients, figures)
    for name in ("ece", "before ece"):
        # Resamples of an error that is never negative lie above it: percentiles of them would be no interval of it.
        value = found[name]
        found[name] = Estimate(value.value, reason=value.reason or "no interval: resamples overstate it")
    before = {name.removeprefix("before "): value for name, value in found.items() if name.startswith("before ")}
    return before, {name: value for name, value in found.items() if not name.startswith("before ")}


def _confusion(labels: Labels, decisions: Labels) -> dict[str, int]:
    counts = Confusion.of(labels, decisions)
    return {name: int(getattr(counts, name)[0]) for name in ("tp", "fp", "fn", "tn")}


def _subgroups(scored_set: ScoredSet, labels: Labels) -> tuple[list[Subgroup], list[str]]:
    sizes = [
        int(width) * int(height)
        for width, height in zip(scored_set.images.get("width", []), scored_set.images.get("height", []), strict=True)
    ]
    named, notes = by_name(scored_set.table.path, labels)
    sized, more_notes = by_size(np.array(sizes, dtype=np.int64))
    answered = by_rejection(scored_set.ood_scores, len(labels))
    return [*named, *sized, *answered], [*notes, *more_notes]


def _subgroup(
    group: Subgroup,
    labels: Labels,
    logits: Scores,
    decisions: Labels,
    patients: Sequence[str],
    class_names: Sequence[str],
) -> dict[str, Any]:
    inside = group.members
    y, x, d = labels[inside], logits[inside], decisions[inside]
    own = Patients.of([patient for patient, member in zip(patients, inside, strict=True) if member], y)
    found = {name: Estimate(None, reason="no images") for name in ("auroc", "sensitivity", "specificity")}
    if len(y):
        ranking = Ranking.of(y, x)

        def figures(weights: Weights) -> dict[str, Values]:
            counts = Confusion.of(y, d, weights)
            return {
                "auroc": ranking.auroc(weights),
                "sensitivity": counts.sensitivity,
                "specificity": counts.specificity,
            }

        found = estimates(own, figures)
    return {
        "family": group.family,
        "name": group.name,
        "images_by_class": {name: int((y == i).sum()) for i, name in enumerate(class_names)},
        "patients_by_class": dict(zip(class_names, own.of_class, strict=True)),
    } | {name: value.as_dict() for name, value in found.items()}
