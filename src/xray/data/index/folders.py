"""List the images in class folders."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xray.data.index.base import ROOT_FOLDER, HashFiles, ImageIndex, ImageRecord, Note, no_note
from xray.data.index.dicom_patients import is_dicom_name, patients_by_tag
from xray.data.index.left_out import notes_on_left_out
from xray.data.index.patients import compile_pattern, patient_of
from xray.data.index.split_folders import split_folder, split_folders
from xray.data.index.walk import image_names, is_clutter, walk_images
from xray.utils.errors import UserError


class FolderIndex(ImageIndex):
    """Images in `root/train|val|test/CLASS/`, or in `root/CLASS/` if the root itself holds the class folders.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, split: str) -> bool:
        """Return whether the root has a folder of that split, by any of its names."""
        return split in split_folders(self.root)

    def is_undivided(self, class_names: Sequence[str]) -> bool:
        """Return whether the root holds the class folders itself, as other sources often do."""
        return holds_classes(self.root, class_names)

    def records(
        self,
        splits: Sequence[str],
        class_names: Sequence[str],
        patient_pattern: str,
        hash_files: HashFiles,
        note: Note = no_note,
    ) -> list[ImageRecord]:
        """See `ImageIndex.records`."""
        return index_images(self.root, splits, class_names, patient_pattern, hash_files, note)


def index_images(
    root: Path,
    folders: Iterable[str],
    class_names: Sequence[str],
    patient_pattern: str,
    hash_files: HashFiles,
    note: Note = no_note,
) -> list[ImageRecord]:
    """List the images below `root`, sorted by path.

    Args:
        root: The folder that holds train, val and test.
        folders: Which of them to read (see `xray.data.index.split_folders` for other names that they may have), or only
            `ROOT_FOLDER` for a root that holds the class folders itself.
        class_names: Names of the class folders, in the order of their labels.
        patient_pattern: See `xray.data.index.patients.compile_pattern`.
        hash_files: Returns the hash of each file, such as `xray.data.cache.hashing.FileDigests`.
        note: Called with a sentence on files and folders that are passed over.

    Raises:
        UserError: A folder is missing, or its class folders are not exactly `class_names`.
    """
    pattern = compile_pattern(patient_pattern)
    folders = list(folders)
    if folders != [ROOT_FOLDER]:
        check_root(root, class_names)
    images: list[ImageRecord] = []
    left_out: dict[str, Counter[str]] = {}
    for folder in folders:
        name_on_disk = ROOT_FOLDER if folder == ROOT_FOLDER else split_folder(root, folder)
        prefix, folder_name = ("", root.name) if folder == ROOT_FOLDER else (f"{name_on_disk}/", folder)
        check_class_folders(root / name_on_disk, class_names)
        left_out[name_on_disk] = Counter()
        for label, class_name in enumerate(class_names):
            names, others = walk_images(root / name_on_disk / class_name)
            left_out[name_on_disk] += others
            digests = hash_files([os.path.join(root, name_on_disk, class_name, name) for name in names])  # noqa: PTH118
            for name, digest in zip(names, digests, strict=True):
                path = f"{prefix}{class_name}/{name}"
                patient = patient_of(name, pattern)
                identity, group = patient or (path, path)
                images.append(ImageRecord(path, folder_name, label, identity, group, digest, patient is not None))
    for sentence in notes_on_left_out(root, left_out, class_names):
        note(sentence)
    return with_tagged_patients(root, sorted(images, key=lambda image: image.path), class_names, pattern)


def with_tagged_patients(
    root: Path, images: Sequence[ImageRecord], class_names: Sequence[str], pattern: re.Pattern[str]
) -> list[ImageRecord]:
    """Return the images, with patients from DICOM tags where the file name does not give one.

    Such a patient is named by the path of the first image in train, val, test or the root itself, whichever of these
    folders are indexed, so that the same patient has the same name in all of them. Other files are not opened.
    """
    if not any(not image.named and is_dicom_name(image.path) for image in images):
        return list(images)
    names = [
        f"{prefix}{class_name}/{name}"
        for prefix in ("", *(f"{folder}/" for folder in split_folders(root).values()))
        for class_name in class_names
        if (root / prefix / class_name).is_dir()
        for name in image_names(root / prefix / class_name)
        if is_dicom_name(name) and patient_of(name, pattern) is None
    ]
    patients = patients_by_tag(root, names)
    return [
        replace(image, patient=patients[image.path], group=patients[image.path], named=True)
        if not image.named and image.path in patients
        else image
        for image in images
    ]


def check_root(root: Path, class_names: Sequence[str]) -> None:
    """Reject a root that is not a folder, or that holds the class folders itself.

    Raises:
        UserError: The message names the folder to give instead.
    """
    if not root.is_dir():
        problem = "is a file" if root.is_file() else "does not exist"
        raise UserError(
            f"data.root {root} {problem}: give a folder that holds train, val and test with --data.root DIR, "
            "or make a synthetic one with 'python -m xray synth DIR'."
        )
    if holds_classes(root, class_names):
        raise UserError(
            f"data.root {root} holds the class folders {', '.join(class_names)} itself: "
            "give the folder above train, val and test, or, if there are none, let patients be drawn for testing with "
            "--data.test_fraction 0.2."
        )


def holds_classes(root: Path, class_names: Sequence[str]) -> bool:
    """Return whether a folder holds the class folders itself."""
    return all((root / name).is_dir() for name in class_names)


def check_class_folders(folder: Path, class_names: Sequence[str]) -> None:
    """Reject a folder whose class folders are not exactly the class names.

    Raises:
        UserError: The message names the expected and the existing folders.
    """
    if not folder.is_dir():
        raise UserError(f"No folder {folder.name} in data.root {folder.parent} (found: {_listing(folder.parent)}).")
    existing = sorted(path.name for path in folder.iterdir() if path.is_dir() and not is_clutter(path.name))
    if existing != sorted(class_names):
        raise UserError(
            f"{folder}: found {', '.join(existing) or 'no folder'} instead of the class folders "
            f"{', '.join(class_names)}: rename or move folders, or set data.class_names."
        )


def _listing(folder: Path, limit: int = 8) -> str:
    names = sorted(path.name for path in folder.iterdir() if not is_clutter(path.name))
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "") or "nothing"
