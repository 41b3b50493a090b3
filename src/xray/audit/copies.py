"""Checks of pictures that stand twice: within a patient, across patients, classes and sides."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from xray.audit.finding import Case, Finding, Severity, count
from xray.audit.scan import FolderScan
from xray.data.duplicates import COPY, exact_duplicates
from xray.data.index.folders import ImageRecord

MOST_ALIKE: Final = 20
"""Pairs named of those that are only alike."""
ORDINARY: Final = 50
"""With more than one such pair for so many images, alikeness is no sign of anything."""


class Picture(NamedTuple):
    """One picture that several files show."""

    images: list[ImageRecord]
    similarity: float
    """Lowest correlation of the copies found; 1 where all have the same bytes."""
    exact: bool

    @property
    def in_both_classes(self) -> bool:
        """Whether its files have more than one label."""
        return len({image.label for image in self.images}) > 1

    @property
    def sides(self) -> set[str]:
        """Which of train, val and test its files lie in."""
        return {image.folder for image in self.images}

    @property
    def patients(self) -> set[str]:
        """Those that its files name."""
        return {image.patient for image in self.images if image.named}

    @property
    def case(self) -> Case:
        """As part of a finding."""
        what = "same bytes" if self.exact else f"near copy, correlation {self.similarity:.3f}"
        return Case(tuple(image.path for image in self.images), what)


def check_copies(scan: FolderScan) -> list[Finding]:
    """Findings about copies; each picture is told of once, where it does most harm."""
    pictures = pictures_with_copies(scan)
    told: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        told[_kind(picture)].append(picture)
    return [
        *_finding(
            told["classes"],
            "copies-in-both-classes",
            "blocking",
            "{} under both classes",
            "One of the labels is wrong, and no model can be right on both.",
            "Find out which label is right, and remove the other file.",
        ),
        *_finding(
            told["test"],
            "copies-in-test",
            "blocking",
            "{} both in test and outside it",
            "The test then asks for what was learnt by heart.",
            "Remove the files on one side.",
        ),
        *_finding(
            told["sides"],
            "copies-in-train-and-val",
            "warning",
            "{} both in train and in val",
            "Validation then looks better than it is. A fit that pools the two folders, as it does by default, keeps "
            "files of the same bytes on one side, but not near copies.",
            "Remove the files on one side, or let the fit split anew.",
        ),
        *_finding(
            told["patients"],
            "copies-under-two-patients",
            "warning",
            "{} under two patients",
            "One child has two numbers: splits by patient may part them, and intervals come out too narrow.",
            "Find out whose image it is, and remove the other file.",
        ),
        *_finding(
            told["patient"],
            "copies-of-one-patient",
            "note",
            "{} within one patient",
            "They count twice in every figure, but leak nothing.",
            "Keep one file of each.",
        ),
        *_look_alikes(scan),
    ]


def pictures_with_copies(scan: FolderScan) -> list[Picture]:
    """Pictures that stand in more than one file, by the same bytes, by near copies, or by a chain of both."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    images = scan.folder.images
    near = [pair for pair in scan.alike if pair.similarity >= COPY]
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
        Picture([images[i] for i in same], lowest.get(number, 1.0), number not in lowest)
        for number, same in members.items()
    ]


def _kind(picture: Picture) -> str:
    if picture.in_both_classes:
        return "classes"
    if "test" in picture.sides and len(picture.sides) > 1:
        return "test"
    if len(picture.sides) > 1:
        return "sides"
    return "patients" if len(picture.patients) > 1 else "patient"


def _finding(
    pictures: Sequence[Picture], code: str, severity: Severity, title: str, why: str, mend: str
) -> list[Finding]:
    if not pictures:
        return []
    exact = sum(picture.exact for picture in pictures)
    files = sum(len(picture.images) for picture in pictures)
    kinds = [f"{exact:,} by the same bytes"] * (exact > 0)
    kinds += [f"{len(pictures) - exact:,} as near copies"] * (exact < len(pictures))
    extent = f" ({files:,} files; {', '.join(kinds)})."
    title = title.format(count(len(pictures), "picture stands", "pictures stand")) + extent
    return [Finding(code, severity, title, why, mend, tuple(picture.case for picture in pictures))]


def _look_alikes(scan: FolderScan) -> list[Finding]:
    """Two patients whose images nearly are copies may be one child; this is no proof."""
    images = scan.folder.images
    cases = []
    for pair in scan.alike:
        first, second = images[pair.first], images[pair.second]
        if pair.similarity >= COPY or first.group == second.group:
            continue
        apart = f"; {first.folder} and {second.folder}" if first.folder != second.folder else ""
        cases.append(Case((first.path, second.path), f"correlation {pair.similarity:.3f}{apart}"))
    if not cases:
        return []
    ordinary = len(cases) * ORDINARY > len(images)
    return [
        Finding(
            "look-alikes",
            "note",
            f"{count(len(cases), 'pair')} of images of two patients {'looks' if len(cases) == 1 else 'look'} so alike "
            "that they may show one child"
            + (f"; the {MOST_ALIKE} most alike are named." if len(cases) > MOST_ALIKE else "."),
            "There are so many that these images seem to be alike by nature, as drawings are: nothing follows from it."
            if ordinary
            else "Too unlike for copies, but more alike than most images of one child: a child may have two numbers.",
            "None."
            if ordinary
            else "Look at them side by side; where it is one child, rename the files so that the names say so.",
            tuple(cases[:MOST_ALIKE]),
        )
    ]
