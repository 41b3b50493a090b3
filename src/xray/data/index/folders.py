"""From a folder of class folders to one table of images."""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xray.data.decode.image import IMAGE_SUFFIXES
from xray.data.index.dicom_patients import is_dicom_name, patients_by_tag
from xray.data.index.patients import compile_pattern, patient_of
from xray.utils.errors import UserError
from xray.utils.files import StrPath

WHOLE = "."
"""In place of a folder: the root itself."""
FOLDERS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One row of the index."""

    path: str
    """Path below the root, with forward slashes: `train/NORMAL/IM-0115-0001.jpeg`."""
    folder: str
    """Which of train, val and test it lies in, or the root's name where that holds the class folders."""
    label: int
    """Position of its class in the class names."""
    patient: str
    group: str
    digest: str
    """Hash of the file's bytes: two images with one digest are one picture."""
    named: bool
    """Whether its name, or the tags of a DICOM image, told the patient; otherwise the image is its own patient."""


def index_images(
    root: Path,
    folders: Iterable[str],
    class_names: Sequence[str],
    patient_pattern: str,
    digests_of: Callable[[Sequence[StrPath]], Sequence[str]],
) -> list[ImageRecord]:
    """List the images below `root`, sorted by path.

    Args:
        root: The folder that holds train, val and test.
        folders: Which of them to read, or `WHOLE` alone for a root that holds the class folders themselves.
        class_names: Names of the class folders, in the order of their labels.
        patient_pattern: See `xray.data.index.patients.compile_pattern`.
        digests_of: Gives the hash of each file, such as `xray.data.cache.hashing.FileDigests`.

    Raises:
        UserError: A folder is missing, or its class folders are not exactly `class_names`.
    """
    pattern = compile_pattern(patient_pattern)
    folders = list(folders)
    if folders != [WHOLE]:
        check_root(root, class_names)
    images: list[ImageRecord] = []
    for folder in folders:
        below, name_of_folder = ("", root.name) if folder == WHOLE else (f"{folder}/", folder)
        check_class_folders(root / folder, class_names)
        for label, class_name in enumerate(class_names):
            names = image_names(root / folder / class_name)
            digests = digests_of([os.path.join(root, folder, class_name, name) for name in names])  # noqa: PTH118
            for name, digest in zip(names, digests, strict=True):
                below_root = f"{below}{class_name}/{name}"
                patient = patient_of(name, pattern)
                identity, group = patient or (below_root, below_root)
                images.append(
                    ImageRecord(below_root, name_of_folder, label, identity, group, digest, patient is not None)
                )
    return with_tagged_patients(root, sorted(images, key=lambda image: image.path), class_names, pattern)


def with_tagged_patients(
    root: Path, images: Sequence[ImageRecord], class_names: Sequence[str], pattern: re.Pattern[str]
) -> list[ImageRecord]:
    """The same images; those of DICOM whose names tell no patient belong to whom their tags name.

    A patient is called by the path of the first of his images in any of train, val, test and the root itself, whichever
    of them is indexed: so that he is found again on the other side of a test. No DICOM image, no file is opened.
    """
    if not any(not image.named and is_dicom_name(image.path) for image in images):
        return list(images)
    names = [
        f"{below}{class_name}/{name}"
        for below in ("", *(f"{folder}/" for folder in FOLDERS))
        for class_name in class_names
        if (root / below / class_name).is_dir()
        for name in image_names(root / below / class_name)
        if is_dicom_name(name) and patient_of(name, pattern) is None
    ]
    found = patients_by_tag(root, names)
    return [
        replace(image, patient=found[image.path], group=found[image.path], named=True)
        if not image.named and image.path in found
        else image
        for image in images
    ]


def image_paths(folder: Path) -> list[Path]:
    """All JPEG, PNG and DICOM files at any depth below a folder, sorted; hidden files and folders are passed over."""
    return [folder / name for name in image_names(folder)]


def find_images(named: Sequence[Path]) -> list[Path]:
    """The files named, and those in the folders named; each once, in the order given.

    Raises:
        UserError: A path does not exist, or there is no image at all.
    """
    paths: dict[str, Path] = {}
    for path in named:
        if not path.exists():
            raise UserError(f"{path} does not exist: name image files, or folders of JPEG, PNG or DICOM.")
        if not path.is_file() and not path.is_dir():
            raise UserError(f"{path} is neither a file nor a folder: name image files, or their folders.")
        for image in image_paths(path) if path.is_dir() else [path]:
            paths.setdefault(os.path.abspath(image), image)  # noqa: PTH100 - a link is a name of its own
    if not paths:
        raise UserError(
            f"No JPEG, PNG or DICOM in {', '.join(map(str, named)) or 'no path'}: name image files or their folders."
        )
    return list(paths.values())


def image_names(folder: Path) -> list[str]:
    """The same as `image_paths`, relative to the folder and with forward slashes.

    Links are followed, each folder once; one that leads nowhere is named all the same: no image may be lost silently.
    """
    found: list[str] = []
    walked: set[tuple[int, int]] = set()
    for where, folders, names in os.walk(folder, onerror=_reject, followlinks=True):
        place = os.stat(where)  # noqa: PTH116 - Path objects take ten times as long, here and below
        if (place.st_dev, place.st_ino) in walked:
            folders.clear()
            continue
        walked.add((place.st_dev, place.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(where).relative_to(folder).as_posix()
        prefix = "" if below == "." else f"{below}/"
        found += [
            prefix + name
            for name in names
            if not name.startswith(".")
            and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122
            and (os.path.isfile(f"{where}/{name}") or os.path.islink(f"{where}/{name}"))  # noqa: PTH113, PTH114
        ]
    return sorted(found)


def _reject(error: OSError) -> None:
    """A folder that cannot be read may hold images, which must not be passed over."""
    raise UserError(f"{error.filename} cannot be read ({error.strerror}): mend its permissions, or move it elsewhere.")


def check_root(root: Path, class_names: Sequence[str]) -> None:
    """Reject a root that is no folder, or that holds the classes itself.

    Raises:
        UserError: With what to name instead.
    """
    if not root.is_dir():
        what = "is a file" if root.is_file() else "does not exist"
        raise UserError(
            f"data.root {root} {what}: name a folder that holds train, val and test with --data.root DIR, "
            "or make a synthetic one with 'python -m xray synth DIR'."
        )
    if holds_classes(root, class_names):
        raise UserError(
            f"data.root {root} holds the class folders {', '.join(class_names)} themselves: "
            f"name the folder above train, val and test, not one of them."
        )


def holds_classes(root: Path, class_names: Sequence[str]) -> bool:
    """Whether a folder holds the class folders themselves."""
    return all((root / name).is_dir() for name in class_names)


def check_class_folders(folder: Path, class_names: Sequence[str]) -> None:
    """Reject a folder whose class folders are not exactly the class names.

    Raises:
        UserError: With what was expected and what was found.
    """
    if not folder.is_dir():
        raise UserError(f"No folder {folder.name} in data.root {folder.parent} (found: {_listing(folder.parent)}).")
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not _is_clutter(path.name))
    missing = [name for name in class_names if name not in found]
    extra = [name for name in found if name not in class_names]
    if not missing and not extra:
        return
    complaints = [f"no class folder {name}" for name in missing]
    for name in extra:
        near = difflib.get_close_matches(name.upper(), [known.upper() for known in missing], n=1, cutoff=0.6)
        hint = f" (rename it to {next(m for m in missing if m.upper() == near[0])}?)" if near else ""
        complaints.append(f"{name} is no class{hint}")
    raise UserError(
        f"{folder}: {'; '.join(complaints)}. Found: {', '.join(found) or 'no folder'}; "
        f"expected by data.class_names: {', '.join(class_names)}."
    )


def _is_clutter(name: str) -> bool:
    # The public archive carries the folders that macOS adds.
    return name.startswith(".") or name == "__MACOSX"


def _listing(folder: Path, most: int = 8) -> str:
    names = sorted(path.name for path in folder.iterdir() if not _is_clutter(path.name))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "nothing"
