"""Bringing the images of several runs into one order, or saying why that cannot be."""

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xray.evaluation.metrics import as_numbers
from xray.evaluation.ranking import Labels, Scores
from xray.evaluation.scored_set import ScoredSet
from xray.utils.errors import UserError
from xray.utils.text import printable

Key = tuple[str, int]
"""What an image is known by, and which one it is among those that are known by the same."""


@dataclass(frozen=True)
class Candidate:
    """A run as it was read: its name for people, the folder of its test, and what lies there."""

    name: str
    folder: Path
    scored_set: ScoredSet


@dataclass(frozen=True)
class Contender:
    """A run on the images that all runs share; arrays have the shape (images,).

    Args:
        name: For people.
        logits: Raw outputs.
        decisions: 0 or 1, at the run's own threshold.
        temperature: By which logits are divided to become log-odds.
        source: Where the predictions come from, see `xray.evaluation.scored_set.ScoredSet`.
        folder: Where they lie.
    """

    name: str
    logits: Scores
    decisions: Labels
    temperature: float
    source: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True)
class SharedImages:
    """Images with what each run says of them.

    Args:
        labels: 0 or 1, shape (images,).
        patients: Whose each image is.
        class_names: Names of the classes 0 and 1.
        runs: The runs, each on these images in this order.
        matched_by: What images were known by: digest or path.
        notes: What a reader must know of the matching.
    """

    labels: Labels
    patients: Sequence[str]
    class_names: Sequence[str]
    runs: Sequence[Contender]
    matched_by: str
    notes: Sequence[str]


def align(candidates: Sequence[Candidate]) -> SharedImages:
    """Bring the images of all runs into the order of the first run's.

    Images are known by the digest of their file where every run has recorded it, otherwise by their path below the data
    root. Several files of one digest are told apart by label and path.

    Raises:
        UserError: Runs have other classes, other images, or other labels for an image; or there is no image.
    """
    first = candidates[0]
    by_digest = all(len(digests) and all(digests) for run in candidates for digests in [_digests(run)])
    keys = [_keys(run, by_digest) for run in candidates]
    if not keys[0]:
        raise UserError(f"The test of {first.name} holds no image: make it anew with 'python -m xray test'.")
    for other, found in zip(candidates[1:], keys[1:], strict=True):
        _check_classes(first, other)
        _check_images(first, other, keys[0], found, by_digest)
    orders = []
    for found in keys:
        row = {key: i for i, key in enumerate(found)}
        orders.append([row[key] for key in keys[0]])
    for other, order in zip(candidates[1:], orders[1:], strict=True):
        _check_labels(first, other, order)
    class_names = first.scored_set.source["class_names"]
    patients, notes = _patients(candidates, orders)
    return SharedImages(
        labels=as_numbers(first.scored_set.table.label, class_names),
        patients=patients,
        class_names=class_names,
        runs=[_contender(run, order) for run, order in zip(candidates, orders, strict=True)],
        matched_by="digest" if by_digest else "path",
        notes=notes + _notes_on_sets(candidates),
    )


def _contender(run: Candidate, order: Sequence[int]) -> Contender:
    table, source = run.scored_set.table, run.scored_set.source
    decisions = as_numbers(table.decision, source["class_names"])
    return Contender(run.name, table.logit[order], decisions[order], float(source["temperature"]), source, run.folder)


def _digests(run: Candidate) -> Sequence[str]:
    return run.scored_set.images.get("digest", [])


def _below_root(run: Candidate) -> list[str]:
    """Paths below the data root; those that lie elsewhere as they are."""
    root = os.path.join(str(run.scored_set.source.get("data_root", "")), "")  # noqa: PTH118 - a string for each film
    return [path.removeprefix(root) for path in run.scored_set.table.path]


def _keys(run: Candidate, by_digest: bool) -> list[Key]:
    paths = _below_root(run)
    names = _digests(run) if by_digest else paths
    keys: list[Key] = [("", 0)] * len(names)
    seen: Counter[str] = Counter()
    for i in sorted(range(len(names)), key=lambda i: (names[i], run.scored_set.table.label[i], paths[i])):
        keys[i] = (names[i], seen[names[i]])
        seen[names[i]] += 1
    return keys


def _check_classes(first: Candidate, other: Candidate) -> None:
    here, there = (list(run.scored_set.source["class_names"]) for run in (first, other))
    if here != there:
        raise UserError(
            f"{first.name} has the classes {', '.join(here)}, {other.name} has {', '.join(there)}, in this order, so "
            "that their figures mean different things: train and test both with the same data.class_names."
        )


def _check_images(
    first: Candidate, other: Candidate, here: Sequence[Key], there: Sequence[Key], by_digest: bool
) -> None:
    if set(here) == set(there):
        return
    apart = []
    for run, own, others in ((first, here, set(there)), (other, there, set(here))):
        only = sorted(path for path, key in zip(_below_root(run), own, strict=True) if key not in others)
        example = f" (such as {printable(only[0])})" if only else ""
        apart.append(f"{len(only)} only in {run.name}{example}")
    source = first.scored_set.source
    words = ["--ckpt_path", other.scored_set.source.get("checkpoint"), "--data.root", source.get("data_root")]
    raise UserError(
        f"{first.name} and {other.name} were tested on different images: {', '.join(apart)}, "
        f"{len(set(here) & set(there))} in both, known by {'the hash of their files' if by_digest else 'their paths'}. "
        f"Test both on the same images, such as by 'python -m xray test {shlex.join(map(printable, map(str, words)))}'."
    )


def _check_labels(first: Candidate, other: Candidate, order: Sequence[int]) -> None:
    here, there = first.scored_set.table.label, other.scored_set.table.label
    differ = [(i, j) for i, j in enumerate(order) if here[i] != there[j]]
    if differ:
        i, j = differ[0]
        raise UserError(
            f"{len(differ)} of {len(order)} images have another label in {other.name} than in {first.name}, such as "
            f"{printable(_below_root(first)[i])}: {there[j]} and {here[i]}. Correct the folders and test both anew."
        )


def _patients(candidates: Sequence[Candidate], orders: Sequence[Sequence[int]]) -> tuple[Sequence[str], list[str]]:
    """Whose each image is; where runs disagree, by the run with the fewest patients, whose intervals are the widest."""
    found = [[run.scored_set.table.patient[i] for i in order] for run, order in zip(candidates, orders, strict=True)]
    counts = [len(set(patients)) for patients in found]
    together = len(set(zip(*found, strict=True)))
    fewest = int(np.argmin(counts))
    if all(count == together for count in counts):
        return found[0], []
    told = ", ".join(f"{run.name} {count}" for run, count in zip(candidates, counts, strict=True))
    return found[fewest], [
        f"The runs tell patients apart differently ({told}): resampled are the patients of {candidates[fewest].name}."
    ]


def _notes_on_sets(candidates: Sequence[Candidate]) -> list[str]:
    chosen_on = [run.name for run in candidates if run.scored_set.source.get("set") == "validate"]
    foreign = [run.name for run in candidates if run.scored_set.source.get("external")]
    notes = []
    if chosen_on:
        notes.append(
            f"These are validation images of {', '.join(chosen_on)}: they chose epoch, temperature and threshold, so "
            "these figures are too good."
        )
    if foreign:
        notes.append(f"These images are of another source than those that {', '.join(foreign)} was trained on.")
    return notes
