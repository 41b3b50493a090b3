"""Check the patients of the images: leaks between splits, unknown and ambiguous patients."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from xray.audit.finding import Case, Finding
from xray.audit.scan import FolderScan
from xray.data.index.base import ImageRecord
from xray.data.index.patients import series_and_number
from xray.utils.text import count

MIN_VAL_IMAGES: Final = 100
"""With fewer validation images, the standard error of an accuracy near 0.9 is above 0.03."""

MIN_BLOCK_SHARE: Final = 0.95
"""Test is a block of patient numbers if it holds this share of those between its lowest and highest, per series."""
MAX_FRAGMENT: Final = 3
"""Up to this many numbers may be contiguous by chance and do not count as a block."""


def check_patients(scan: FolderScan) -> Iterator[Finding]:
    """Report patients in several splits, names without a patient, and splits that are too small."""
    images = scan.folder.images
    test = [image for image in images if image.folder == "test"]
    rest = [image for image in images if image.folder != "test"]
    yield from _patients_in_two_splits(images, test, rest)
    yield from _unclear_names(images)
    yield from _few_in_val([image for image in images if image.folder == "val"])
    yield from _blocks(test, rest)


def _patients_in_two_splits(
    images: Sequence[ImageRecord], test: Sequence[ImageRecord], rest: Sequence[ImageRecord]
) -> Iterator[Finding]:
    if cases := _shared(test, rest, lambda image: image.patient):
        yield Finding(
            "patients-in-test",
            "blocking",
            f"{count(len(cases), 'patient has', 'patients have')} images both in test and outside it.",
            "Images of one patient are similar: the test then measures memorisation.",
            "Move all images of a patient into one split.",
            cases,
        )
    certain = {case.detail for case in cases}
    if cases := _shared(test, rest, lambda image: "" if image.patient in certain else image.group):
        yield Finding(
            "patients-possibly-in-test",
            "warning",
            f"{count(len(cases), 'number')} that may stand for one person under two names "
            f"{'has' if len(cases) == 1 else 'have'} images both in test and outside it.",
            "The names do not show whether it is one person or two.",
            "Unless the source says otherwise, move all images of a group into one split.",
            cases,
        )
    val, train = ([image for image in images if image.folder == split] for split in ("val", "train"))
    if cases := _shared(val, train, lambda image: image.patient):
        yield Finding(
            "patients-in-train-and-val",
            "warning",
            f"{count(len(cases), 'patient has', 'patients have')} images both in train and in val.",
            "Validation on these folders is too optimistic.",
            "Let a fit pool the two folders and split them again by patient, as it does by default.",
            cases,
        )


def _shared(
    first: Sequence[ImageRecord], second: Sequence[ImageRecord], name_of: Callable[[ImageRecord], str]
) -> tuple[Case, ...]:
    """Return a case for each name in both sets of images, with all its images and the name as detail."""
    one, other = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for images, paths in ((first, one), (second, other)):
        for image in images:
            if image.named and name_of(image):
                paths[name_of(image)].append(image.path)
    return tuple(Case((*one[name], *other[name]), name) for name in sorted(one.keys() & other.keys()))


def _unclear_names(images: Sequence[ImageRecord]) -> Iterator[Finding]:
    """Report images without a patient, and numbers that occur under two names."""
    unnamed = [image for image in images if not image.named]
    if unnamed:
        yield Finding(
            "patients-unknown",
            "warning",
            f"{count(len(unnamed), 'image')} of {len(images):,} {'has' if len(unnamed) == 1 else 'have'} a "
            "name without a patient; each counts as its own patient.",
            "Leaks between splits cannot be detected for them, and intervals are too narrow.",
            "Give --patient_pattern, if the names contain the patient.",
            tuple(Case((image.path,)) for image in unnamed),
        )
    names = defaultdict[str, set[str]](set)
    for image in images:
        if image.named:
            names[image.group].add(image.patient)
    shared = [patients for patients in names.values() if len(patients) > 1]
    if shared:
        yield Finding(
            "patients-possibly-same",
            "note",
            f"{count(len(shared), 'number occurs', 'numbers occur')} under two names, such as "
            f"{' and '.join(sorted(shared[0])[:2])}: {sum(map(len, names.values())):,} patients by name, but "
            f"{len(names):,} if they are the same.",
            "The names do not prove that they are two persons.",
            "Nothing to do: a split keeps them together, and metrics count them as two.",
        )


def _few_in_val(val: Sequence[ImageRecord]) -> Iterator[Finding]:
    if 0 < len(val) < MIN_VAL_IMAGES:
        yield Finding(
            "val-small",
            "warning",
            f"val has {count(len(val), 'image')} of {count(len({image.patient for image in val}), 'patient')}.",
            "No model can be selected on so few: one more correct image changes its accuracy by "
            f"{100 / len(val):.0f} points.",
            "Let a fit pool train and val and split them again by patient, as it does by default.",
        )


def _blocks(test: Sequence[ImageRecord], rest: Sequence[ImageRecord]) -> Iterator[Finding]:
    """Report whether the patient numbers of test are contiguous in every series."""
    outside, inside = _numbers(rest), _numbers(test)
    blocks = []
    for series, numbers in sorted(inside.items()):
        low, high = min(numbers), max(numbers)
        between = {number for number in outside.get(series, ()) if low < number < high}
        if len(numbers) <= MAX_FRAGMENT or len(numbers) < MIN_BLOCK_SHARE * (len(numbers) + len(between)):
            return
        blocks.append(f"{series}{low} to {high}")
    if blocks and outside:
        yield Finding(
            "test-in-blocks",
            "note",
            f"test consists of contiguous blocks of patient numbers: {'; '.join(blocks)}.",
            "Images taken close in time are similar: such a test is harder than one with randomly drawn patients, and "
            "closer to future images. A random validation split will look better than the test.",
            "Choose the validation patients as blocks too, with --data.validation blocks, as the configs do.",
        )


def _numbers(images: Sequence[ImageRecord]) -> dict[str, set[int]]:
    """Return the patient numbers of each series."""
    numbers = defaultdict[str, set[int]](set)
    for image in images:
        if image.named:
            series, number = series_and_number(image.group)
            numbers[series].add(number)
    return numbers
