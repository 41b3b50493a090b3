"""Subgroups of the images, by file name, by image size and by further columns of their table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from xray.evaluation.arrays import Labels
from xray.utils.text import printable, shortened

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Subgroup:
    """A subset of the images; a subset of one class also includes all images of the other class.

    Args:
        family: What the subgroups are formed by.
        name: Name within the family.
        members: Whether each image belongs to the subgroup, shape (images,).
    """

    family: str
    name: str
    members: Mask


CAUSES = {"bacterial": "_bacteria_", "viral": "_virus_"}
MISSING = {"", "na", "nan", "none", "null"}
"""Values of a column, in lower case, that say nothing."""
MAX_VALUES = 8
"""A column with more different values forms groups only if they are numbers."""
MIN_IN_GROUP = 5
"""A group needs this many images of each class: with fewer, its interval spans nearly everything."""
MAX_NAME = 40
"""Characters of a column or value that are shown."""
SERIES = {"IM": r"^IM-", "NORMAL2-IM": r"^NORMAL2-IM-"}


def subgroups_by_name(paths: Sequence[str], labels: Labels) -> tuple[list[Subgroup], list[str]]:
    """Form subgroups from the file names of the public data set (Kermany et al., Cell 172 (2018) 1122).

    Bacterial and viral pneumonia each with all normal images, and each number series of normal images with all
    pneumonia images.

    Returns:
        The subgroups, and a note for each family that cannot be formed from the names.
    """
    names = [path.replace("\\", "/").rsplit("/", 1)[-1] for path in paths]
    groups: list[Subgroup] = []
    notes: list[str] = []
    for family, patterns, label in (
        ("Cause in the file name, with all normal images", CAUSES, 1),
        ("Number series of the normal images, with all pneumonia images", SERIES, 0),
    ):
        members = {
            group: np.array([re.search(pattern, name) is not None for name in names], dtype=bool) & (labels == label)
            for group, pattern in patterns.items()
        }
        if any(inside.any() for inside in members.values()):
            # Groups without images come last, and get no images of the other class.
            groups += [Subgroup(family, n, inside | (labels != label)) for n, inside in members.items() if inside.any()]
            groups += [Subgroup(family, n, inside) for n, inside in members.items() if not inside.any()]
        else:
            notes.append(f"{family}: not in the file names.")
    return groups, notes


def subgroups_by_size(pixels: npt.NDArray[np.int64]) -> tuple[list[Subgroup], list[str]]:
    """Form subgroups of thirds of the images by number of pixels, which is 0 if unknown.

    Returns:
        The subgroups, and a note if there are none or if images are missing from them.
    """
    family = "Image size, thirds of all images"
    known = pixels[pixels > 0]
    if not len(known):
        return [], [f"{family}: image sizes were not recorded."]
    low, high = np.quantile(known, [1 / 3, 2 / 3], method="inverted_cdf")
    thirds = [
        Subgroup(family, f"up to {low:,} pixels", (pixels > 0) & (pixels <= low)),
        Subgroup(family, f"above {low:,} up to {high:,} pixels", (pixels > low) & (pixels <= high)),
        Subgroup(family, f"above {high:,} pixels", pixels > high),
    ]
    groups = [group for group in thirds if group.members.any()]
    if len(groups) < 2:
        return [], [f"{family}: nearly all images have one size ({int(np.median(known)):,} pixels)."]
    unknown = len(pixels) - len(known)
    return groups, [f"{family}: {unknown:,} images of unknown size are in no subgroup."] if unknown else []


def subgroups_by_column(columns: Mapping[str, Sequence[str]], labels: Labels) -> tuple[list[Subgroup], list[str]]:
    """Form subgroups by what else is known of the images, such as sex, age or device.

    A column with few different values has a group for each; one with many numbers has a group for each quarter of the
    images.

    Args:
        columns: Values of each column, one for each image.
        labels: Class numbers 0 and 1.

    Returns:
        The subgroups, and a note for each column or value without one.
    """
    groups: list[Subgroup] = []
    notes: list[str] = []
    for column, texts in columns.items():
        family = f"Column {_short(column)}"
        values = np.array(["" if text.lower() in MISSING else text for text in texts], dtype=object)
        known = sorted(set(values.tolist()) - {""})
        if len(known) < 2:
            notes.append(f"{family}: {'it has only one value' if known else 'it is empty'}.")
            continue
        if len(known) <= MAX_VALUES:
            members = {value: values == value for value in sorted(known, key=_by_number)}
        elif all(map(_is_number, known)):
            members = _quarters(np.array([float(value or "nan") for value in values]))
        else:
            notes.append(f"{family}: {len(known):,} different values are too many for groups (at most {MAX_VALUES}).")
            continue
        small = [name for name, inside in members.items() if _fewest(labels[inside]) < MIN_IN_GROUP]
        groups += [Subgroup(family, _short(name), inside) for name, inside in members.items() if name not in small]
        if small:
            names = ", ".join(map(_short, small))
            notes.append(f"{family}: not shown, since they have fewer than {MIN_IN_GROUP} images of a class: {names}.")
        if missing := int((values == "").sum()):
            notes.append(f"{family}: {missing:,} images without a value are in no subgroup.")
    return groups, notes


def _quarters(numbers: npt.NDArray[np.float64]) -> dict[str, Mask]:
    """Return the members of each quarter of the numbers, by its range; NaN is in none."""
    edges = np.unique(np.nanquantile(numbers, [0.25, 0.5, 0.75], method="inverted_cdf"))
    bounds = [-np.inf, *edges.tolist(), np.inf]
    members = {}
    for low, high in pairwise(bounds):
        inside = (numbers > low) & (numbers <= high)
        if inside.any():
            texts = [*([f"above {low:g}"] if low > -np.inf else []), *([f"up to {high:g}"] if high < np.inf else [])]
            members[" ".join(texts)] = inside
    return members


def _fewest(labels: Labels) -> int:
    """Return the number of images of the rarer class."""
    return int(np.bincount(labels, minlength=2).min())


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _by_number(text: str) -> tuple[bool, float, str]:
    """Sort key: numbers by value, then other texts."""
    return (False, float(text), text) if _is_number(text) else (True, 0.0, text)


def _short(text: str) -> str:
    return shortened(printable(text), MAX_NAME)
