"""Compute all metrics of a scored set as plain values, as stored in metrics.json and shown in the report."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, ResampleValues, Scores, Weights
from xray.evaluation.calibration import BINS, probability_of, reliability_bins
from xray.evaluation.calibration_check import check_calibration
from xray.evaluation.delong import delong_interval
from xray.evaluation.metrics import (
    PREVALENCES,
    Confusion,
    Resamples,
    ScoredImages,
    class_indices,
    main_metrics,
)
from xray.evaluation.registry import METRICS, metrics_in
from xray.evaluation.rejections import accepted_subgroup, rejection_metrics
from xray.evaluation.resampling import LEVEL, RESAMPLES, Estimate, Patients, estimates
from xray.evaluation.robustness import robustness_metrics
from xray.evaluation.scaling import Scaling
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.shortcuts import shortcut_metrics
from xray.evaluation.subgroups import Subgroup, subgroups_by_column, subgroups_by_name, subgroups_by_size
from xray.evaluation.validation_gap import validation_gap


def summarise(scored_set: ScoredSet) -> dict[str, Any]:
    """Compute all metrics of a report from images with known labels.

    Returns:
        Plain values for JSON. A metric is a mapping of value, low and high, each None if not defined, then with a
        reason.
    """
    table, source = scored_set.table, scored_set.source
    class_names = source["class_names"]
    labels, decisions = class_indices(table.label, class_names), class_indices(table.decision, class_names)
    patients = Patients.of(table.patient, labels)
    groups, notes = _subgroups(scored_set, labels)
    scaling = Scaling.of(source)
    metrics, before = _metrics(ScoredImages(labels, table.logit, decisions, scaling), patients)
    return {
        "validation_gap": validation_gap(metrics, source, len(table)),
        "images": len(table),
        "patients": len(set(table.patient)),
        "class_names": list(class_names),
        "images_by_class": {name: int((labels == i).sum()) for i, name in enumerate(class_names)},
        "patients_by_class": dict(zip(class_names, patients.per_class, strict=True)),
        "prevalence": float(labels.mean()) if len(labels) else None,
        "threshold": float(source["threshold"]),
        **asdict(scaling),
        "metrics": {name: metric.as_dict() for name, metric in metrics.items()},
        "auroc_delong": delong_interval(labels, table.logit).as_dict(),
        "calibration": check_calibration(metrics, source.get("decision"), len(table)),
        "before_scaling": {name: metric.as_dict() for name, metric in before.items()},
        "confusion_matrix": _confusion(labels, decisions),
        "reliability": {
            "bins": BINS,
            "before": [asdict(b) for b in reliability_bins(labels, probability_of(table.logit))],
            "after": [asdict(b) for b in reliability_bins(labels, table.probability)],
        },
        "subgroups": [_subgroup(group, labels, table.logit, decisions, table.patient, class_names) for group in groups],
        "subgroup_notes": notes,
        "rejections": rejection_metrics(
            labels, scored_set.ood_scores, patients, class_names, str(source.get("why_no_ood_check", ""))
        ),
        "shortcuts": shortcut_metrics(labels, table.logit, scored_set.ablations, patients),
        "robustness": robustness_metrics(
            labels, table.logit, scored_set.robustness, scaling, source["threshold"], patients
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


def _metrics(images: ScoredImages, patients: Patients) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Return all metrics by name, and those of calibration also before scaling."""
    before = {f"before {name}": metric for name, metric in metrics_in("calibration").items()}

    def metrics(weights: Weights) -> dict[str, ResampleValues]:
        resamples = Resamples(images, weights)
        return {name: metric.compute(resamples) for name, metric in METRICS.items()} | {
            name: metric.compute(resamples.before_scaling) for name, metric in before.items()
        }

    values = estimates(patients, metrics)
    for name, metric in (METRICS | before).items():
        if metric.no_interval:
            value = values[name]
            values[name] = Estimate(value.value, reason=value.reason or f"no interval: {metric.no_interval}")
    return {name: values[name] for name in METRICS}, {
        name: values[f"before {name}"] for name in metrics_in("calibration")
    }


def _confusion(labels: Labels, decisions: Labels) -> dict[str, int]:
    counts = Confusion.of(labels, decisions)
    return {name: int(getattr(counts, name)[0]) for name in ("tp", "fp", "fn", "tn")}


def _subgroups(scored_set: ScoredSet, labels: Labels) -> tuple[list[Subgroup], list[str]]:
    sizes = [
        int(width) * int(height)
        for width, height in zip(scored_set.images.get("width", []), scored_set.images.get("height", []), strict=True)
    ]
    by_name, name_notes = subgroups_by_name(scored_set.table.path, labels)
    by_size, size_notes = subgroups_by_size(np.array(sizes, dtype=np.int64))
    by_column, column_notes = subgroups_by_column(scored_set.columns, labels)
    accepted = accepted_subgroup(scored_set.ood_scores, len(labels))
    return [*by_column, *by_name, *by_size, *accepted], [*column_notes, *name_notes, *size_notes]


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
    if len(y):
        values = estimates(own, main_metrics(y, x, d))
    else:
        values = {name: Estimate(None, reason="no images") for name in ("auroc", "sensitivity", "specificity")}
    return {
        "family": group.family,
        "name": group.name,
        "images_by_class": {name: int((y == i).sum()) for i, name in enumerate(class_names)},
        "patients_by_class": dict(zip(class_names, own.per_class, strict=True)),
    } | {name: value.as_dict() for name, value in values.items()}
