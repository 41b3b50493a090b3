"""Split images into train and validation by patient."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from xray.data.index.base import ImageRecord
from xray.data.index.patients import series_and_number
from xray.utils.errors import UserError

SplitMethod = Literal["random", "blocks"]


def split_by_patient(
    images: Sequence[ImageRecord],
    fraction: float,
    method: SplitMethod,
    seed: int,
    option: Literal["data.val_fraction", "data.test_fraction"] = "data.val_fraction",
) -> list[bool]:
    """Choose the validation images, or the test images of a data set without any.

    Images of the same group, and identical files, are always on the same side. About `fraction` of the images of each
    class, and with "blocks" of each number series within it, are chosen:

    - "random": patients in the order of a keyed hash of their names, so that adding images moves few patients.
    - "blocks": one contiguous range of patient numbers that starts at a position drawn from the seed. Images taken at
      about the same time are then on the same side, as they are when a model is used on images taken after its
      training set.

    Args:
        images: Images to split; their order has no effect on the result.
        fraction: Share of images to choose, between 0 and 1, both excluded.
        method: "random" or "blocks".
        seed: Seed of the split.
        option: What messages call the fraction.

    Returns:
        For each image, True if it is chosen.

    Raises:
        UserError: The fraction is out of range, or a class has fewer than two distinct patients.
    """
    if not 0 < fraction < 1:
        raise UserError(f"{option} {fraction} must be between 0 and 1, for example 0.1.", 2)
    clusters = inseparable_clusters(images)
    chosen: list[list[int]] = []
    for (label, series), members in sorted(_strata(images, clusters, fraction, method).items()):
        target = fraction * sum(map(len, members))
        if method == "blocks":
            members.sort(key=lambda cluster: min(_natural(images[i].group) for i in cluster))
            # Start early enough that the range fits before the end of the series.
            starts = 1 + _last_start([len(cluster) for cluster in members], target)
            members = members[int(_keyed_hash(seed, f"{label}/{series}"), 16) % starts :]
        else:
            members.sort(key=lambda cluster: _keyed_hash(seed, min(images[i].group for i in cluster)))
        chosen += _fill(members, target)
    in_val = {i for cluster in _with_both_classes(images, clusters, chosen) for i in cluster}
    return [i in in_val for i in range(len(images))]


def inseparable_clusters(images: Sequence[ImageRecord]) -> list[list[int]]:
    """Return the positions of images that must stay together: connected by equal groups or identical files."""
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
    """Describe each patient and each identical file that is on both sides, in one sentence each.

    Patients are compared by identity, not by group: patients of one group are not necessarily the same person.
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
    """Group clusters by class, and for "blocks" by number series.

    Series too short to contribute a validation patient are merged.
    """
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
    """Move the smallest clusters to a side that lacks a class, which happens with few patients.

    Raises:
        UserError: A class is missing on one side of every possible split.
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
                    f"The images of class {label} cannot be split by patient: all are of one patient, or copies of "
                    "one another. Add patients, or give splits of your own: a val folder with --data.validation "
                    "folder, and a test folder instead of data.test_fraction."
                )
            moved = min(movable, key=lambda cluster: (len(cluster), min(images[i].path for i in cluster)))
            other.remove(moved)
            side.append(moved)
    return val


def _natural(name: str) -> tuple[tuple[str, int], ...]:
    """Sort key by which 9 comes before 10."""
    # The name itself at the end distinguishes 7 from 07.
    return (*((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)), (name, 0))


def _keyed_hash(seed: int, name: str) -> str:
    return hashlib.blake2b(f"{seed}/{name}".encode(errors="surrogateescape"), digest_size=8).hexdigest()


def _fill(clusters: Sequence[list[int]], target: float) -> Iterator[list[int]]:
    """Take whole clusters in order while this brings the number of images closer to the target."""
    taken = 0
    for cluster in clusters:
        if abs(taken + len(cluster) - target) > abs(taken - target):
            return
        taken += len(cluster)
        yield cluster


def _last_start(sizes: Sequence[int], target: float) -> int:
    """Return the last position from which the remaining clusters contain at least the target number of images."""
    total = 0
    for start in range(len(sizes) - 1, -1, -1):
        total += sizes[start]
        if total >= target:
            return start
    return 0
