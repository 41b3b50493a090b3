"""Check for duplicate images within a patient, and across patients, classes and splits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from xray.audit.finding import Case, Finding, Severity
from xray.audit.scan import FolderScan
from xray.data.duplicates import COPY, exact_duplicates
from xray.data.index.base import ImageRecord
from xray.utils.text import count

MAX_SIMILAR: Final = 20
"""Number of similar pairs that are listed."""
MIN_IMAGES_PER_PAIR: Final = 50
"""With fewer images per similar pair, the images are similar by nature and the pairs mean nothing."""

KINDS: Final[dict[str, tuple[Severity, str, str, str]]] = {
    "copies-in-both-classes": (
        "blocking",
        "in both classes",
        "One of the labels is wrong, and no model can be right on both.",
        "Find out which label is right, and remove the other file.",
    ),
    "copies-in-test": (
        "blocking",
        "both in test and outside it",
        "The test then measures memorisation.",
        "Remove the files on one side.",
    ),
    "copies-in-train-and-val": (
        "warning",
        "both in train and in val",
        "Validation is then too optimistic. A fit that pools the two folders, the default, keeps identical files on "
        "one side, but not near copies.",
        "Remove the files on one side, or let the fit split again.",
    ),
    "copies-under-two-patients": (
        "warning",
        "under two patients",
        "One patient has two numbers: a split by patient may separate them, and intervals are too narrow.",
        "Find out which patient it belongs to, and remove the other file.",
    ),
    "copies-of-one-patient": (
        "note",
        "within one patient",
        "They count twice in every metric, but leak nothing.",
        "Keep one file of each.",
    ),
}
"""Severity, place, reason and remedy of each finding about duplicates, most severe first."""


class DuplicateImage(NamedTuple):
    """One image stored in several files."""

    images: list[ImageRecord]
    similarity: float | None
    """Lowest correlation among the copies; None if all have the same bytes."""


def check_copies(scan: FolderScan) -> Iterator[Finding]:
    """Report duplicates, each image once as its most severe kind, and similar images of two patients."""
    by_kind = defaultdict[str, list[DuplicateImage]](list)
    for duplicate in _find_duplicates(scan):
        by_kind[_kind(duplicate.images)].append(duplicate)
    for code, (severity, place, why, fix) in KINDS.items():
        if duplicates := by_kind[code]:
            exact = sum(duplicate.similarity is None for duplicate in duplicates)
            kinds = [f"{exact:,} identical"] * (exact > 0)
            kinds += [f"{len(duplicates) - exact:,} near copies"] * (exact < len(duplicates))
            files = sum(len(duplicate.images) for duplicate in duplicates)
            title = f"{count(len(duplicates), 'duplicate image')} {place} ({files:,} files; {', '.join(kinds)})."
            yield Finding(code, severity, title, why, fix, tuple(map(_case, duplicates)))
    yield from _similar_images(scan)


def _find_duplicates(scan: FolderScan) -> list[DuplicateImage]:
    """Return images stored in more than one file: identical files, near copies, or chains of both."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    images = scan.folder.images
    near = [pair for pair in scan.similar_pairs if pair.similarity >= COPY]
    identical = exact_duplicates([image.digest for image in images])
    pairs = [(same[0], i) for same in identical for i in same[1:]] + [(pair.first, pair.second) for pair in near]
    if not pairs:
        return []
    first, second = zip(*pairs, strict=True)
    _, numbers = connected_components(coo_array(([1] * len(pairs), (first, second)), shape=(len(images), len(images))))
    lowest: dict[int, float] = {}
    for pair in near:
        lowest[numbers[pair.first]] = min(pair.similarity, lowest.get(numbers[pair.first], 1.0))
    members = defaultdict[int, list[ImageRecord]](list)
    for i in sorted({*first, *second}):
        members[numbers[i]].append(images[i])
    return [DuplicateImage(same, lowest.get(number)) for number, same in members.items()]


def _kind(images: Sequence[ImageRecord]) -> str:
    """Return the most severe kind of a duplicate image."""
    splits = {image.folder for image in images}
    if len({image.label for image in images}) > 1:
        return "copies-in-both-classes"
    if len(splits) > 1:
        return "copies-in-test" if "test" in splits else "copies-in-train-and-val"
    patients = {image.patient for image in images if image.named}
    return "copies-under-two-patients" if len(patients) > 1 else "copies-of-one-patient"


def _case(duplicate: DuplicateImage) -> Case:
    similarity = duplicate.similarity
    detail = "same bytes" if similarity is None else f"near copy, correlation {similarity:.3f}"
    return Case(tuple(image.path for image in duplicate.images), detail)


def _similar_images(scan: FolderScan) -> Iterator[Finding]:
    """Report similar images of two patients, who may be one person."""
    images = scan.folder.images
    cases = []
    for pair in scan.similar_pairs:
        first, second = images[pair.first], images[pair.second]
        if pair.similarity < COPY and first.group != second.group:
            splits = f"; {first.folder} and {second.folder}" if first.folder != second.folder else ""
            cases.append(Case((first.path, second.path), f"correlation {pair.similarity:.3f}{splits}"))
    if not cases:
        return
    by_nature = len(cases) * MIN_IMAGES_PER_PAIR > len(images)
    yield Finding(
        "similar-images",
        "note",
        f"{count(len(cases), 'pair')} of similar images of two patients, who may be one person"
        + (f"; the {MAX_SIMILAR} most similar are listed." if len(cases) > MAX_SIMILAR else "."),
        "This many similar pairs mean that the images are similar by nature, as drawings are."
        if by_nature
        else "More similar than most images of one child, but not copies: a patient may have two numbers.",
        "Nothing to do." if by_nature else "Compare them by eye; if it is one patient, rename the files accordingly.",
        tuple(cases[:MAX_SIMILAR]),
    )
