"""Subgroups of the images, by file name and by image size."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xray.evaluation.arrays import Labels

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
