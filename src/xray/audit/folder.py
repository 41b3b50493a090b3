"""List the images of the folder to audit, and report problems of its layout as findings."""

import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xray.audit.finding import Case, Finding, count
from xray.data.decode.image import IMAGE_SUFFIXES
from xray.data.index.folders import FOLDERS, ImageRecord, image_names, with_tagged_patients
from xray.data.index.patients import compile_pattern, patient_of
from xray.utils.errors import UserError
from xray.utils.files import StrPath

NO_SPLIT: Final = ""
"""Split of images whose class folders are in the root itself."""
IGNORED_FOLDER: Final = "__MACOSX"


@dataclass(frozen=True)
class ImageFolder:
    """The images of a folder, and findings about its layout."""

    root: Path
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
    hash_files: Callable[[Sequence[StrPath]], Sequence[str]],
) -> ImageFolder:
    """List the images of `root/train|val|test/CLASS` (any of these splits) and `root/CLASS`.

    Args:
        root: The folder.
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
    if not root.is_dir():
        reason = "is a file" if root.is_file() else "does not exist"
        raise UserError(
            f"{root} {reason}: give a folder that contains train, val and test, or {' and '.join(class_names)}.", 2
        )
    # If the root contains both class folders and splits, both are audited.
    in_root = [NO_SPLIT] if any((root / name).is_dir() for name in class_names) else []
    splits = (*in_root, *(split for split in FOLDERS if (root / split).is_dir()))
    images: list[ImageRecord] = []
    for split in splits:
        for label, class_name in enumerate(class_names):
            below = _class_folder(split, class_name)
            names = image_names(root / below) if (root / below).is_dir() else []
            digests = hash_files([os.path.join(root, below, name) for name in names])  # noqa: PTH118
            for name, digest in zip(names, digests, strict=True):
                path = f"{below}/{name}"
                patient = patient_of(name, pattern)
                identity, group = patient or (path, path)
                images.append(ImageRecord(path, split, label, identity, group, digest, patient is not None))
    if not images:
        raise UserError(
            f"{root}: no JPEG, PNG or DICOM in {' or '.join(class_names)}, neither here nor below train, val and test. "
            f"Found: {', '.join(_folders(root)[:8]) or 'no folder'}; give the class folders with --class_names.",
            2,
        )
    images = with_tagged_patients(root, sorted(images, key=lambda image: image.path), class_names, pattern)
    findings = [*_missing_classes(root, splits, class_names, images), *_left_out(root, splits, class_names)]
    return ImageFolder(root, class_names, splits, images, findings)


def _missing_classes(
    root: Path, splits: Sequence[str], class_names: tuple[str, str], images: Sequence[ImageRecord]
) -> Iterator[Finding]:
    """Report splits without images of a class."""
    filled = {(image.folder, image.label) for image in images}
    cases = []
    for split in splits:
        for label, class_name in enumerate(class_names):
            if (split, label) in filled:
                continue
            folder = _class_folder(split, class_name)
            existing = {name.lower(): name for name in _folders(root / split)}
            near = difflib.get_close_matches(class_name.lower(), existing, n=1)
            hint = f"; is it {existing[near[0]]}?" if near else ""
            cases.append(Case((folder,), "no image" if (root / folder).is_dir() else f"no such folder{hint}"))
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


def _left_out(root: Path, splits: Sequence[str], class_names: tuple[str, str]) -> Iterator[Finding]:
    """Report files and folders that no run reads."""
    read = {_class_folder(split, name) for split in splits for name in class_names}
    outside: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for directory, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != IGNORED_FOLDER]
        below = Path(directory).relative_to(root).as_posix()
        is_read = any(below == folder or below.startswith(f"{folder}/") for folder in read)
        for name in names:
            if name.startswith("."):
                continue
            suffix = Path(name).suffix.lower()
            if is_read and suffix not in IMAGE_SUFFIXES:
                others[suffix or "no suffix"] += 1
            elif not is_read and suffix in IMAGE_SUFFIXES:
                outside[below] += 1
    if outside:
        yield Finding(
            "outside-classes",
            "warning",
            f"{count(outside.total(), 'image is', 'images are')} outside the class folders.",
            "No run reads them: a class may be smaller than it seems.",
            "Move them into a class folder of a split, or rename their folder.",
            tuple(Case((folder,), count(number, "image")) for folder, number in sorted(outside.items())),
        )
    if others:
        kinds = ", ".join(f"{suffix} ({number:,})" for suffix, number in sorted(others.items()))
        yield Finding(
            "other-files",
            "warning",
            f"{count(others.total(), 'file')} in the class folders {'is' if others.total() == 1 else 'are'} "
            f"neither JPEG, PNG nor DICOM by name: {kinds}.",
            "No run reads them; images in another format, or DICOM without a suffix, would be left out silently.",
            "Name DICOM images .dcm, convert others to PNG or JPEG; move other files elsewhere.",
        )


def _class_folder(split: str, class_name: str) -> str:
    return f"{split}/{class_name}" if split else class_name


def _folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir() and path.name != IGNORED_FOLDER)
