"""Checks of whose films lie where."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from xray.audit.evidence import Evidence
from xray.audit.finding import Case, Finding, count
from xray.data.index import Film
from xray.data.patients import series_and_number

FEW_VAL_FILMS: Final = 100
"""Below so many films of validation, the standard error of an accuracy near 0.9 is above 0.03."""

BLOCK_SHARE: Final = 0.95
"""Test is made of blocks of numbers where, between its lowest and highest number of a series, so many are its own."""
FRAGMENT: Final = 3
"""So few numbers in between make no block: they may lie together by chance."""


def check_patients(evidence: Evidence) -> list[Finding]:
    """Findings about patients across sides, about names, and about sides too small to tell anything."""
    films = evidence.folder.films
    test = [film for film in films if film.folder == "test"]
    rest = [film for film in films if film.folder != "test"]
    return [
        *_in_test(test, rest),
        *_perhaps_in_test(test, rest),
        *_in_train_and_val(films),
        *_unnamed(films),
        *_number_under_two_names(films),
        *_few_in_val(films),
        *_blocks(test, rest),
    ]


def _in_test(test: Sequence[Film], rest: Sequence[Film]) -> list[Finding]:
    shared = _shared(test, rest, lambda film: film.patient)
    if not shared:
        return []
    return [
        Finding(
            "patients-in-test",
            "blocking",
            f"{count(len(shared), 'patient has', 'patients have')} films both in test and outside it.",
            "Films of one patient are alike: the test then measures memory.",
            "Move all films of a patient to one side.",
            shared,
        )
    ]


def _perhaps_in_test(test: Sequence[Film], rest: Sequence[Film]) -> list[Finding]:
    certain = {film.patient for film in test} & {film.patient for film in rest}
    cases = _shared(test, rest, lambda film: "" if film.patient in certain else film.group)
    if not cases:
        return []
    return [
        Finding(
            "patients-perhaps-in-test",
            "warning",
            f"{count(len(cases), 'number')} that may stand for one person under two names "
            f"{'has' if len(cases) == 1 else 'have'} films both in test and outside it.",
            "The names do not tell whether it is one person under two names or two persons.",
            "Move all films of a group to one side, where the source does not tell.",
            cases,
        )
    ]


def _in_train_and_val(films: Sequence[Film]) -> list[Finding]:
    train = [film for film in films if film.folder == "train"]
    shared = _shared([film for film in films if film.folder == "val"], train, lambda film: film.patient)
    if not shared:
        return []
    return [
        Finding(
            "patients-in-train-and-val",
            "warning",
            f"{count(len(shared), 'patient has', 'patients have')} films both in train and in val.",
            "Validation on these folders looks better than it is.",
            "Let a fit pool the two folders and split them anew by patient, as it does by default.",
            shared,
        )
    ]


def _shared(first: Iterable[Film], second: Iterable[Film], name_of: Callable[[Film], str]) -> tuple[Case, ...]:
    """One case for each name on both sides, with all its films."""
    sides: list[dict[str, list[str]]] = []
    for films in (first, second):
        paths: dict[str, list[str]] = defaultdict(list)
        for film in films:
            if film.named and name_of(film):
                paths[name_of(film)].append(film.path)
        sides.append(paths)
    one, other = sides
    return tuple(Case((*one[name], *other[name]), name) for name in sorted(one.keys() & other.keys()))


def _unnamed(films: Sequence[Film]) -> list[Finding]:
    unnamed = [film for film in films if not film.named]
    if not unnamed:
        return []
    return [
        Finding(
            "patients-unknown",
            "warning",
            f"{count(len(unnamed), 'film')} of {len(films):,} {'does' if len(unnamed) == 1 else 'do'} not tell the "
            "patient by name; each counts as a patient of its own.",
            "Whether such a patient stands on both sides of a split cannot be known, and intervals come out too "
            "narrow.",
            "Say by --patient_pattern how the names tell the patient, if they do.",
            tuple(Case((film.path,)) for film in unnamed),
        )
    ]


def _number_under_two_names(films: Sequence[Film]) -> list[Finding]:
    names: dict[str, set[str]] = defaultdict(set)
    for film in films:
        if film.named:
            names[film.group].add(film.patient)
    shared = sum(len(patients) > 1 for patients in names.values())
    if not shared:
        return []
    patients = sum(map(len, names.values()))
    return [
        Finding(
            "patients-perhaps-one",
            "note",
            f"{count(shared, 'number stands', 'numbers stand')} under two names, such as "
            f"{' and '.join(sorted(next(p for p in names.values() if len(p) > 1))[:2])}: {patients:,} patients by "
            f"name, but {len(names):,} if they are the same.",
            "The names cannot prove that they are two persons.",
            "None needed: a split keeps them together, and figures count them as two.",
        )
    ]


def _few_in_val(films: Sequence[Film]) -> list[Finding]:
    val = [film for film in films if film.folder == "val"]
    if not 0 < len(val) < FEW_VAL_FILMS:
        return []
    return [
        Finding(
            "val-small",
            "warning",
            f"val has {count(len(val), 'film')} of {count(len({film.patient for film in val}), 'patient')}.",
            "No model can be selected on so few: one film more or less right moves its accuracy by "
            f"{100 / len(val):.0f} points.",
            "Let a fit pool train and val and split them anew by patient, as it does by default.",
        )
    ]


def _blocks(test: Sequence[Film], rest: Sequence[Film]) -> list[Finding]:
    """Whether the numbers of test lie together, series by series."""
    outside, inside = _numbers(rest), _numbers(test)
    blocks = []
    for series, numbers in sorted(inside.items()):
        low, high = min(numbers), max(numbers)
        between = {number for number in outside.get(series, ()) if low < number < high}
        if len(numbers) <= FRAGMENT or len(numbers) < BLOCK_SHARE * (len(numbers) + len(between)):
            return []
        blocks.append(f"{series}{low} to {high}")
    if not blocks or not outside:
        return []
    return [
        Finding(
            "test-in-blocks",
            "note",
            f"test is made of contiguous blocks of patient numbers: {'; '.join(blocks)}.",
            "Films taken close in time are alike: such a test is harder than one of patients drawn at random, and "
            "nearer to tomorrow's films. A random validation split will look better than the test.",
            "Choose the validation patients as blocks too, by --data.validation blocks, as the configs do.",
        )
    ]


def _numbers(films: Iterable[Film]) -> dict[str, set[int]]:
    """Patient numbers of each number series."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for film in films:
        if film.named:
            series, number = series_and_number(film.group)
            numbers[series].add(number)
    return numbers
