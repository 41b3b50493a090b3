"""Align the images of several runs, or report why they differ."""

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xray.evaluation.arrays import Labels, Scores
from xray.evaluation.metrics import class_indices
from xray.evaluation.scaling import Scaling
from xray.evaluation.scored_set import ScoredSet
from xray.utils.errors import UserError
from xray.utils.text import printable

Key = tuple[str, int]
"""Digest or path of an image, and its index among images with the same one."""


@dataclass(frozen=True)
class LoadedRun:
    """A run as it was read: display name, folder of its test results, and the scored set in it."""

    name: str
    folder: Path
    scored_set: ScoredSet


@dataclass(frozen=True)
class AlignedRun:
    """A run's predictions in the common image order; arrays have the shape (images,).

    Args:
        name: Display name.
        logits: Raw outputs, before scaling.
        decisions: 0 or 1, at the run's own threshold.
        scaling: Of logits to probabilities.
        source: Origin of the predictions, see `xray.evaluation.scored_set.ScoredSet`.
        folder: Folder of the predictions.
    """

    name: str
    logits: Scores
    decisions: Labels
    scaling: Scaling
    source: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True)
class SharedImages:
    """Images that all runs were tested on, with the predictions of each run.

    Args:
        labels: 0 or 1, shape (images,).
        patients: Patient of each image.
        class_names: Names of the classes 0 and 1.
        runs: The runs, with predictions in this image order.
        matched_by: How images were matched: digest or path.
        notes: Sentences on the matching for the reader.
    """

    labels: Labels
    patients: Sequence[str]
    class_names: Sequence[str]
    runs: Sequence[AlignedRun]
    matched_by: str
    notes: Sequence[str]


def align(runs: Sequence[LoadedRun]) -> SharedImages:
    """Bring the images of all runs into the order of the first run.

    Images are matched by file digest if every run has recorded it, otherwise by their path below the data root.
    Several files with the same digest are ordered by label and path.

    Raises:
        UserError: The runs differ in classes, images or labels, or there is no image.
    """
    runs = _with_root(runs)
    first = runs[0]
    by_digest = all(digests and all(digests) for digests in map(_digests, runs))
    keys = [_keys(run, by_digest) for run in runs]
    if not keys[0]:
        raise UserError(f"The test of {first.name} holds no image: run 'python -m xray test' again.")
    for other, other_keys in zip(runs[1:], keys[1:], strict=True):
        _check_classes(first, other)
        _check_images(first, other, keys[0], other_keys, by_digest)
    orders = []
    for run_keys in keys:
        row = {key: i for i, key in enumerate(run_keys)}
        orders.append([row[key] for key in keys[0]])
    for other, order in zip(runs[1:], orders[1:], strict=True):
        _check_labels(first, other, order)
    class_names = first.scored_set.source["class_names"]
    patients, notes = _patients(runs, orders)
    return SharedImages(
        labels=class_indices(first.scored_set.table.label, class_names),
        patients=patients,
        class_names=class_names,
        runs=[_reordered(run, order) for run, order in zip(runs, orders, strict=True)],
        matched_by="digest" if by_digest else "path",
        notes=notes + _notes_on_sets(runs),
    )


def _with_root(runs: Sequence[LoadedRun]) -> list[LoadedRun]:
    """Give tables of other models, which have no data root, that of the first run with one."""
    root = next((root for run in runs if (root := run.scored_set.source.get("data_root"))), "")
    return [
        replace(run, scored_set=replace(run.scored_set, source={"data_root": root} | dict(run.scored_set.source)))
        for run in runs
    ]


def _reordered(run: LoadedRun, order: Sequence[int]) -> AlignedRun:
    table, source = run.scored_set.table, run.scored_set.source
    decisions = class_indices(table.decision, source["class_names"])
    return AlignedRun(run.name, table.logit[order], decisions[order], Scaling.of(source), source, run.folder)


def _digests(run: LoadedRun) -> Sequence[str]:
    return run.scored_set.images.get("digest", [])


def _paths_below_root(run: LoadedRun) -> list[str]:
    """Return paths relative to the data root; others unchanged."""
    root = os.path.join(str(run.scored_set.source.get("data_root", "")), "")  # noqa: PTH118 - there may be many
    return [path.removeprefix(root) for path in run.scored_set.table.path]


def _keys(run: LoadedRun, by_digest: bool) -> list[Key]:
    paths = _paths_below_root(run)
    names = _digests(run) if by_digest else paths
    keys: list[Key] = [("", 0)] * len(names)
    seen: Counter[str] = Counter()
    for i in sorted(range(len(names)), key=lambda i: (names[i], run.scored_set.table.label[i], paths[i])):
        keys[i] = (names[i], seen[names[i]])
        seen[names[i]] += 1
    return keys


def _check_classes(first: LoadedRun, other: LoadedRun) -> None:
    here, there = (list(run.scored_set.source["class_names"]) for run in (first, other))
    if here != there:
        raise UserError(
            f"{first.name} has the classes {', '.join(here)}, {other.name} has {', '.join(there)}, in this order, so "
            "their metrics mean different things: train and test both with the same data.class_names."
        )


def _check_images(
    first: LoadedRun, other: LoadedRun, here: Sequence[Key], there: Sequence[Key], by_digest: bool
) -> None:
    if set(here) == set(there):
        return
    differences = []
    for run, own, others in ((first, here, set(there)), (other, there, set(here))):
        only = sorted(path for path, key in zip(_paths_below_root(run), own, strict=True) if key not in others)
        example = f" (such as {printable(only[0])})" if only else ""
        differences.append(f"{len(only)} only in {run.name}{example}")
    root, checkpoint = first.scored_set.source.get("data_root"), other.scored_set.source.get("checkpoint")
    args = ["--ckpt_path", str(checkpoint), "--data.root", str(root)]
    # A table of another model has neither.
    advice = f", such as by 'python -m xray test {shlex.join(map(printable, args))}'" if root and checkpoint else ""
    raise UserError(
        f"{first.name} and {other.name} were tested on different images: {', '.join(differences)}, "
        f"{len(set(here) & set(there))} in both, matched by {'the hash of their files' if by_digest else 'path'}. Test "
        f"both on the same images{advice}."
    )


def _check_labels(first: LoadedRun, other: LoadedRun, order: Sequence[int]) -> None:
    here, there = first.scored_set.table.label, other.scored_set.table.label
    differ = [(i, j) for i, j in enumerate(order) if here[i] != there[j]]
    if differ:
        i, j = differ[0]
        raise UserError(
            f"{len(differ)} of {len(order)} images are labelled differently in {other.name} than in {first.name}, "
            f"such as {printable(_paths_below_root(first)[i])}: {there[j]} and {here[i]}. Correct the labels and test "
            "both again."
        )


def _patients(runs: Sequence[LoadedRun], orders: Sequence[Sequence[int]]) -> tuple[Sequence[str], list[str]]:
    """Return the patient of each image; if runs disagree, from the run with the fewest (widest intervals)."""
    by_run = [[run.scored_set.table.patient[i] for i in order] for run, order in zip(runs, orders, strict=True)]
    counts = [len(set(patients)) for patients in by_run]
    combined = len(set(zip(*by_run, strict=True)))
    fewest = int(np.argmin(counts))
    if all(count == combined for count in counts):
        return by_run[0], []
    numbers = ", ".join(f"{run.name} {count}" for run, count in zip(runs, counts, strict=True))
    return by_run[fewest], [
        f"The runs assign images to patients differently ({numbers}): the patients of {runs[fewest].name} are "
        "resampled."
    ]


def _notes_on_sets(runs: Sequence[LoadedRun]) -> list[str]:
    chosen_on = [run.name for run in runs if run.scored_set.source.get("set") == "validate"]
    external = [run.name for run in runs if run.scored_set.source.get("external")]
    notes = []
    if chosen_on:
        notes.append(
            f"These are validation images of {', '.join(chosen_on)}: epoch, scaling and threshold were chosen on "
            "them, so these metrics are optimistic."
        )
    if external:
        notes.append(f"These images are from another source than the training images of {', '.join(external)}.")
    return notes
