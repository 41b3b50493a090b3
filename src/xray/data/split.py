"""Train and validation by patient, never by image."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from xray.data.index.folders import ImageRecord
from xray.data.index.patients import series_and_number
from xray.utils.errors import UserError

SplitMethod = Literal["random", "blocks"]


def split_by_patient(images: Sequence[ImageRecord], fraction: float, method: SplitMethod, seed: int) -> list[bool]:
    """Choose the validation images.

    Images of one group, and identical files under whatever names, always fall on one side. Within each class, and for
    "blocks" within each number series of it, about `fraction` of the images are chosen:

    - "random": patients in the order of a keyed hash of their names. Adding images to the folder moves few patients.
    - "blocks": one contiguous run of patient numbers, starting where the seed says. Images taken close in time then lie
      on one side, as they do between a training set and tomorrow's images.

    Args:
        images: The pool; its order does not matter for which image goes where.
        fraction: Share of images for validation, between 0 and 1, both excluded.
        method: "random" or "blocks".
        seed: Another seed, another split.

    Returns:
        One truth value for each image: True for validation.

    Raises:
        UserError: The fraction is out of range, or a class has fewer than two patients that can be told apart.
    """
    if not 0 < fraction < 1:
        raise UserError(f"data.val_fraction {fraction} must lie between 0 and 1, for example 0.1.")
    clusters = inseparable_clusters(images)
    chosen: list[list[int]] = []
    for (label, series), members in sorted(_strata(images, clusters, fraction, method).items()):
        target = fraction * sum(map(len, members))
        if method == "blocks":
            members.sort(key=lambda cluster: min(_natural(images[i].group) for i in cluster))
            # Begin early enough that the run never wraps round to the other end of the series.
            starts = 1 + _last_start([len(cluster) for cluster in members], target)
            members = members[int(_keyed_hash(seed, f"{label}/{series}"), 16) % starts :]
        else:
            members.sort(key=lambda cluster: _keyed_hash(seed, min(images[i].group for i in cluster)))
        chosen += _fill(members, target)
    in_val = {i for cluster in _with_both_classes(images, clusters, chosen) for i in cluster}
    return [i in in_val for i in range(len(images))]


def inseparable_clusters(images: Sequence[ImageRecord]) -> list[list[int]]:
    """Positions of images that must stay together: one group, or one file's bytes, directly or by a chain."""
    parent = list(range(len(images)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for names in ((image.group for image in images), (image.digest for image in images)):
        first_seen: dict[str, int] = {}
        for i, name in enumerate(names):
            parent[find(i)] = find(first_seen.setdefault(name, i))
    clusters: dict[int, list[int]] = defaultdict(list)
    for i in range(len(images)):
        clusters[find(i)].append(i)
    return list(clusters.values())


def find_overlaps(first: Iterable[ImageRecord], second: Iterable[ImageRecord]) -> list[str]:
    """Patients and identical files that stand on both sides, one sentence each; empty where the sides are apart.

    Patients count as the same by their identity, not by their group: a group only says that they might be.
    """
    first = list(first)
    by_patient = {image.patient: image.path for image in first if image.named}
    by_digest = {image.digest: image.path for image in first}
    sentences: dict[str, str] = {}
    for image in second:
        if image.digest in by_digest:
            sentences[image.digest] = f"{image.path} is the same file as {by_digest[image.digest]}"
        elif image.named and image.patient in by_patient:
            sentences.setdefault(
                image.patient, f"patient {image.patient} ({by_patient[image.patient]} and {image.path})"
            )
    return list(sentences.values())


def _strata(
    images: Sequence[ImageRecord], clusters: Sequence[list[int]], fraction: float, method: SplitMethod
) -> dict[tuple[int, str], list[list[int]]]:
    """Clusters by class, and for blocks by number series; series too short to give a whole patient share one."""
    strata: dict[tuple[int, str], list[list[int]]] = defaultdict(list)
    for cluster in clusters:
        first = min((images[i] for i in cluster), key=lambda image: (_natural(image.group), image.path))
        strata[first.label, series_and_number(first.group)[0] if method == "blocks" else ""].append(cluster)
    for label, series in list(strata):
        if series and fraction * len(strata[label, series]) < 1:
            strata[label, ""] += strata.pop((label, series))
    return strata


def _with_both_classes(
    images: Sequence[ImageRecord], clusters: Sequence[list[int]], chosen: Sequence[list[int]]
) -> list[list[int]]:
    """Move the smallest clusters over where a class would be missing on one side, which happens with few patients.

    Raises:
        UserError: However they are moved, a class is missing.
    """

    def labels(side: Sequence[list[int]]) -> set[int]:
        return {images[i].label for cluster in side for i in cluster}

    firsts = {cluster[0] for cluster in chosen}
    val = [cluster for cluster in clusters if cluster[0] in firsts]
    train = [cluster for cluster in clusters if cluster[0] not in firsts]
    for label in sorted(labels(clusters)):
        for side, other in ((val, train), (train, val)):
            if label in labels(side):
                continue
            movable = [
                cluster
                for cluster in other
                if label in labels([cluster]) and labels([c for c in other if c is not cluster]) >= labels(other)
            ]
            if not movable:
                raise UserError(
                    f"The images of class {label} cannot be split by patient: they belong to one patient, or are copies "
                    "of one another. Add patients, or trust the val folder with --data.validation folder."
                )
            moved = min(movable, key=lambda cluster: (len(cluster), min(images[i].path for i in cluster)))
            other.remove(moved)
            side.append(moved)
    return val


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """Sort key by which 9 comes before 10."""
    # The name itself at the end tells 7 and 07 apart.
    return (*((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)), (name, 0))


def _keyed_hash(seed: int, name: str) -> str:
    return hashlib.blake2b(f"{seed}/{name}".encode(errors="surrogateescape"), digest_size=8).hexdigest()


def _fill(clusters: Sequence[list[int]], target: float) -> Iterator[list[int]]:
    """Take whole clusters in order for as long as that brings the count of images nearer to the target."""
    taken = 0
    for cluster in clusters:
        if abs(taken + len(cluster) - target) > abs(taken - target):
            return
        taken += len(cluster)
        yield cluster


def _last_start(sizes: Sequence[int], target: float) -> int:
    """Last position from which the clusters to the end still hold the target."""
    total = 0
    for start in range(len(sizes) - 1, -1, -1):
        total += sizes[start]
        if total >= target:
            return start
    return 0
