"""List the images of the folder to audit, and report problems of its layout as findings."""

import difflib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from xray.audit.finding import Case, Finding
from xray.data.decode.pillow import READABLE_FORMATS
from xray.data.index.base import ROOT_FOLDER, HashFiles, ImageRecord
from xray.data.index.folders import with_tagged_patients
from xray.data.index.patients import compile_pattern, patient_of
from xray.data.index.split_folders import SPLITS, split_folders
from xray.data.index.table import TableIndex, is_table
from xray.data.index.walk import describe_left_out, has_image_suffix, is_clutter, walk_images
from xray.utils.errors import UserError
from xray.utils.text import count

NO_SPLIT: Final = ""
"""Split of images whose class folders are in the root itself."""


@dataclass(frozen=True)
class ImageFolder:
    """The images of a folder, and findings about its layout."""

    source: Path
    """The folder or the table that was given."""
    root: Path
    """Folder that paths of images start in."""
    class_names: tuple[str, str]
    splits: tuple[str, ...]
    """Those of train, val and test that exist; `NO_SPLIT` if the class folders are in the root."""
    images: list[ImageRecord]
    """Sorted by path; the field `folder` is the split."""
    findings: list[Finding]


def read_folder(
    root: Path,
    class_names: tuple[str, str],
    patient_pattern: str,
    hash_files: HashFiles,
) -> ImageFolder:
    """List the images of `root/train|val|test/CLASS` (any splits, by any of their names), `root/CLASS`, or a table.

    Args:
        root: The folder or table.
        class_names: Names of the class folders, in the order of their labels.
        patient_pattern: See `xray.data.index.patients.compile_pattern`.
        hash_files: Returns the hash of each file.

    Raises:
        UserError: It is not a folder, or has no image in a class folder, or the pattern is wrong.
    """
    try:
        pattern = compile_pattern(patient_pattern)
    except UserError as error:
        raise UserError(str(error).replace("data.", "--", 1), 2) from error
    if is_table(root):
        return _read_table(TableIndex(root), class_names, patient_pattern, hash_files)
    if not root.is_dir():
        reason = "is a file" if root.is_file() else "does not exist"
        raise UserError(
            f"{root} {reason}: give a folder that contains train, val and test, or {' and '.join(class_names)}.", 2
        )
    # If the root contains both class folders and splits, both are audited.
    in_root = {NO_SPLIT: ""} if any((root / name).is_dir() for name in class_names) else {}
    folders = in_root | split_folders(root)
    images: list[ImageRecord] = []
    left_out: Counter[str] = Counter()
    for split, folder in folders.items():
        for label, class_name in enumerate(class_names):
            below = _class_folder(folder, class_name)
            if not (root / below).is_dir():
                continue
            names, others = walk_images(root / below)
            left_out += others
            digests = hash_files([os.path.join(root, below, name) for name in names])  # noqa: PTH118
            for name, digest in zip(names, digests, strict=True):
                path = f"{below}/{name}"
                patient = patient_of(name, pattern)
                identity, group = patient or (path, path)
                images.append(ImageRecord(path, split, label, identity, group, digest, patient is not None))
    if not images:
        raise UserError(
            f"{root}: no image in {' or '.join(class_names)}, neither here nor below train, val and test. "
            f"Found: {', '.join(_folders(root)[:8]) or 'no folder'}; give the class folders with --class_names.",
            2,
        )
    images = with_tagged_patients(root, sorted(images, key=lambda image: image.path), class_names, pattern)
    findings = [
        *_missing_classes(root, folders, class_names, images),
        *_outside_classes(root, folders, class_names),
        *_left_out(left_out),
    ]
    return ImageFolder(root, root, class_names, tuple(folders), images, findings)


def _read_table(
    index: TableIndex, class_names: tuple[str, str], patient_pattern: str, hash_files: HashFiles
) -> ImageFolder:
    """List the images of a table; its layout needs no findings, since a wrong row is an error."""
    splits = tuple(split for split in SPLITS if index.has(split))
    images = index.records(splits or (ROOT_FOLDER,), class_names, patient_pattern, hash_files)
    if not splits:
        images = [replace(image, folder=NO_SPLIT) for image in images]
    return ImageFolder(index.path, index.root, class_names, splits or (NO_SPLIT,), images, [])


def _missing_classes(
    root: Path, folders: Mapping[str, str], class_names: tuple[str, str], images: Sequence[ImageRecord]
) -> Iterator[Finding]:
    """Report splits, given with their folders, without images of a class."""
    filled = {(image.folder, image.label) for image in images}
    cases = []
    for split, folder in folders.items():
        for label, class_name in enumerate(class_names):
            if (split, label) in filled:
                continue
            below = _class_folder(folder, class_name)
            existing = {name.lower(): name for name in _folders(root / folder)}
            near = difflib.get_close_matches(class_name.lower(), existing, n=1)
            hint = f"; is it {existing[near[0]]}?" if near else ""
            cases.append(Case((below,), "no image" if (root / below).is_dir() else f"no such folder{hint}"))
    if cases:
        yield Finding(
            "class-missing",
            "blocking",
            f"{count(len(cases), 'class folder is', 'class folders are')} missing or empty: "
            f"{', '.join(case.files[0] for case in cases)}.",
            "With one class nothing can be learned, and no metric of a test is defined.",
            "Put the images into the folder, or rename it; class names are case-sensitive.",
            tuple(cases),
        )


def _outside_classes(root: Path, folders: Mapping[str, str], class_names: tuple[str, str]) -> Iterator[Finding]:
    """Report images, by their names, in folders that no run reads."""
    read = {_class_folder(folder, name) for folder in folders.values() for name in class_names}
    outside: Counter[str] = Counter()
    for directory, below, names in os.walk(root):
        place = Path(directory).relative_to(root).as_posix()
        below[:] = [name for name in below if not is_clutter(name) and f"{place}/{name}".removeprefix("./") not in read]
        if images := sum(has_image_suffix(name) and not is_clutter(name) for name in names):
            outside[place] = images
    if outside:
        yield Finding(
            "outside-classes",
            "warning",
            f"{count(outside.total(), 'image is', 'images are')} outside the class folders.",
            "No run reads them: a class may be smaller than it seems.",
            "Move them into a class folder of a split, or rename their folder.",
            tuple(Case((folder,), count(number, "image")) for folder, number in sorted(outside.items())),
        )


def _left_out(left_out: Counter[str]) -> Iterator[Finding]:
    """Report files in the class folders that are no images."""
    if left_out:
        yield Finding(
            "other-files",
            "warning",
            f"In the class folders, runs leave out {describe_left_out(left_out)}.",
            "Images in another format are missing in training and test.",
            f"Convert images to one of {READABLE_FORMATS}; move other files elsewhere.",
        )


def _class_folder(folder: str, class_name: str) -> str:
    return f"{folder}/{class_name}" if folder else class_name


def _folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir() and not is_clutter(path.name))
