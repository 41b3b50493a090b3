"""Groups of images that a single figure may hide; functions on arrays."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray.evaluation.ranking import Labels

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Subgroup:
    """Some of the images, together with the other class where they are all of one.

    Args:
        family: What the images are told apart by.
        name: Which of them these are.
        members: Whether each image belongs to it, shape (images,).
    """

    family: str
    name: str
    members: Mask


CAUSES = {"bacterial": "_bacteria_", "viral": "_virus_"}
SERIES = {"IM": r"^IM-", "NORMAL2-IM": r"^NORMAL2-IM-"}


def by_name(paths: Sequence[str], labels: Labels) -> tuple[list[Subgroup], list[str]]:
    """Subgroups that the file names of the public release tell (Kermany et al., Cell 172 (2018) 1122).

    Bacterial and viral pneumonia each against all normal images, and each number series of normal images against all
    pneumonia.

    Args:
        paths: Where each image is.
        labels: 0 or 1, shape (images,).

    Returns:
        The subgroups, which may be empty, and a sentence for each family that the names do not tell.
    """
    names = [path.replace("\\", "/").rsplit("/", 1)[-1] for path in paths]
    groups: list[Subgroup] = []
    notes: list[str] = []
    for family, patterns, label in (
        ("Cause in the file name, against all normal images", CAUSES, 1),
        ("Number series of the normal images, against all pneumonia", SERIES, 0),
    ):
        found = [
            Subgroup(family, name, _matching(names, pattern) & (labels == label)) for name, pattern in patterns.items()
        ]
        if any(group.members.any() for group in found):
            groups += [Subgroup(g.family, g.name, g.members | (labels != label)) for g in found if g.members.any()]
            groups += [g for g in found if not g.members.any()]
        else:
            notes.append(f"{family}: the file names do not tell it.")
    return groups, notes


def by_size(pixels: npt.NDArray[np.int64]) -> tuple[list[Subgroup], list[str]]:
    """Thirds of the images by the number of pixels of their files.

    Args:
        pixels: Width times height of each file, 0 where unknown, shape (images,).

    Returns:
        The subgroups, and the sentence that says why there are none, or why they lack images.
    """
    family = "Image size, thirds of all images"
    known = pixels[pixels > 0]
    if not len(known):
        return [], [f"{family}: the sizes of the files are not on record."]
    low, high = np.quantile(known, [1 / 3, 2 / 3], method="inverted_cdf")
    thirds = [
        Subgroup(family, f"up to {low:,} pixels", (pixels > 0) & (pixels <= low)),
        Subgroup(family, f"above {low:,} up to {high:,} pixels", (pixels > low) & (pixels <= high)),
        Subgroup(family, f"above {high:,} pixels", pixels > high),
    ]
    groups = [group for group in thirds if group.members.any()]
    if len(groups) < 2:
        return [], [f"{family}: nearly all files are of one size ({int(np.median(known)):,} pixels)."]
    unknown = len(pixels) - len(known)
    return groups, [f"{family}: {unknown:,} images of unknown size are in none."] if unknown else []


def _matching(names: Sequence[str], pattern: str) -> Mask:
    return np.array([re.search(pattern, name) is not None for name in names], dtype=bool)
