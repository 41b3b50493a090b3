"""Check for duplicate images within a patient, and across patients, classes and splits."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from xray.audit.finding import Case, Finding, Severity, count
from xray.audit.scan import FolderScan
from xray.data.duplicates import COPY, exact_duplicates
from xray.data.index.folders import ImageRecord

MAX_SIMILAR: Final = 20
"""Number of similar pairs that are listed."""
MIN_IMAGES_PER_PAIR: Final = 50
"""With fewer images per similar pair, the images are similar by nature and the pairs mean nothing."""


class DuplicateImage(NamedTuple):
    """One image stored in several files."""

    images: list[ImageRecord]
    similarity: float
    """Lowest correlation among the copies; 1 if all have the same bytes."""
    exact: bool

    @property
    def in_both_classes(self) -> bool:
        """Whether its files have more than one label."""
        return len({image.label for image in self.images}) > 1

    @property
    def splits(self) -> set[str]:
        """The splits (train, val, test) of its files."""
        return {image.folder for image in self.images}

    @property
    def patients(self) -> set[str]:
        """The patients that its file names give."""
        return {image.patient for image in self.images if image.named}

    @property
    def case(self) -> Case:
        """The image as a case of a finding."""
        detail = "same bytes" if self.exact else f"near copy, correlation {self.similarity:.3f}"
        return Case(tuple(image.path for image in self.images), detail)


def check_copies(scan: FolderScan) -> list[Finding]:
    """Return findings about duplicates; each image is reported once, as its most severe kind."""
    duplicates = find_duplicates(scan)
    by_kind: dict[str, list[DuplicateImage]] = defaultdict(list)
    for duplicate in duplicates:
        by_kind[_kind(duplicate)].append(duplicate)
    return [
        *_finding(
            by_kind["classes"],
            "copies-in-both-classes",
            "blocking",
            "{} in both classes",
            "One of the labels is wrong, and no model can be right on both.",
            "Find out which label is right, and remove the other file.",
        ),
        *_finding(
            by_kind["test"],
            "copies-in-test",
            "blocking",
            "{} both in test and outside it",
            "The test then measures memorisation.",
            "Remove the files on one side.",
        ),
        *_finding(
            by_kind["splits"],
            "copies-in-train-and-val",
            "warning",
            "{} both in train and in val",
            "Validation is then too optimistic. A fit that pools the two folders, the default, keeps identical files "
            "on one side, but not near copies.",
            "Remove the files on one side, or let the fit split again.",
        ),
        *_finding(
            by_kind["patients"],
            "copies-under-two-patients",
            "warning",
            "{} under two patients",
            "One patient has two numbers: a split by patient may separate them, and intervals are too narrow.",
            "Find out which patient it belongs to, and remove the other file.",
        ),
        *_finding(
            by_kind["patient"],
            "copies-of-one-patient",
            "note",
            "{} within one patient",
            "They count twice in every metric, but leak nothing.",
            "Keep one file of each.",
        ),
        *_similar_images(scan),
    ]


def find_duplicates(scan: FolderScan) -> list[DuplicateImage]:
    """Return images stored in more than one file: identical files, near copies, or chains of both."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    images = scan.folder.images
    near = [pair for pair in scan.similar_pairs if pair.similarity >= COPY]
    chains = exact_duplicates([image.digest for image in images])
    pairs = [(same[0], i) for same in chains for i in same[1:]] + [(pair.first, pair.second) for pair in near]
    if not pairs:
        return []
    first, second = zip(*pairs, strict=True)
    _, numbers = connected_components(coo_array(([1] * len(pairs), (first, second)), shape=(len(images), len(images))))
    lowest: dict[int, float] = {}
    for pair in near:
        lowest[numbers[pair.first]] = min(pair.similarity, lowest.get(numbers[pair.first], 1.0))
    members: dict[int, list[int]] = defaultdict(list)
    for i in sorted({*first, *second}):
        members[numbers[i]].append(i)
    return [
        DuplicateImage([images[i] for i in same], lowest.get(number, 1.0), number not in lowest)
        for number, same in members.items()
    ]


def _kind(duplicate: DuplicateImage) -> str:
    if duplicate.in_both_classes:
        return "classes"
    if "test" in duplicate.splits and len(duplicate.splits) > 1:
        return "test"
    if len(duplicate.splits) > 1:
        return "splits"
    return "patients" if len(duplicate.patients) > 1 else "patient"


def _finding(
    duplicates: Sequence[DuplicateImage], code: str, severity: Severity, title: str, why: str, mend: str
) -> list[Finding]:
    if not duplicates:
        return []
    exact = sum(duplicate.exact for duplicate in duplicates)
    files = sum(len(duplicate.images) for duplicate in duplicates)
    kinds = [f"{exact:,} identical"] * (exact > 0)
    kinds += [f"{len(duplicates) - exact:,} near copies"] * (exact < len(duplicates))
    extent = f" ({files:,} files; {', '.join(kinds)})."
    title = title.format(count(len(duplicates), "duplicate image", "duplicate images")) + extent
    return [Finding(code, severity, title, why, mend, tuple(duplicate.case for duplicate in duplicates))]


def _similar_images(scan: FolderScan) -> list[Finding]:
    """Report similar images of two patients, who may be one person."""
    images = scan.folder.images
    cases = []
    for pair in scan.similar_pairs:
        first, second = images[pair.first], images[pair.second]
        if pair.similarity >= COPY or first.group == second.group:
            continue
        splits = f"; {first.folder} and {second.folder}" if first.folder != second.folder else ""
        cases.append(Case((first.path, second.path), f"correlation {pair.similarity:.3f}{splits}"))
    if not cases:
        return []
    by_nature = len(cases) * MIN_IMAGES_PER_PAIR > len(images)
    return [
        Finding(
            "look-alikes",
            "note",
            f"{count(len(cases), 'pair')} of similar images of two patients, who may be one person"
            + (f"; the {MAX_SIMILAR} most similar are listed." if len(cases) > MAX_SIMILAR else "."),
            "This many similar pairs mean that the images are similar by nature, as drawings are."
            if by_nature
            else "More similar than most images of one child, but not copies: a patient may have two numbers.",
            "None." if by_nature else "Compare them by eye; if it is one patient, rename the files accordingly.",
            tuple(cases[:MAX_SIMILAR]),
        )
    ]
