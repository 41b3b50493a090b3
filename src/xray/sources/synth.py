"""The command `synth`: a synthetic data set with the folders and file names of the public chest X-ray release."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xray import __version__
from xray.utils.errors import UserError, require_between
from xray.utils.files import atomic_folder, check_new_folder
from xray.utils.progress import with_progress

if TYPE_CHECKING:
    from xray.sources.phantom import Kind

CLASSES: Final = ("NORMAL", "PNEUMONIA")
VAL_PATIENTS: Final = 8
"""Validation patients of each class, with one image each: the real release has 16 validation images."""
FIRST_PATIENT: Final = {"test": 1, "val": 1101, "train": 1201}
"""First patient number of each folder; its numbers are contiguous."""
MAX_IMAGES: Final = 4
"""Maximum number of images of one patient."""

README: Final = """\
# SYNTHETIC chest drawings

A program drew these images. They are **not X-rays and show no person**; folders and names imitate a public chest X-ray
release, so that programs can be tried without it. Not for medical use, and no measure of results on real images.

- made by: `xray synth`, xray {version}
- seed: {seed}
- patients: {patients}
- size: {size} x {size} pixels
"""


def synth(directory: Path, patients: int = 500, size: int = 160, seed: int = 0) -> None:
    """Draw a SYNTHETIC chest X-ray data set to try the program on; not images of people.

    Args:
        directory: Folder to create; it must not exist yet, or be empty.
        patients: Number of patients, 30 to 5000; each has 1 to 4 images.
        size: Side of the square images in pixels, 48 to 1024.
        seed: Seed of all randomness; the same seed draws the same files.
    """
    require_between("--patients", patients, 30, 5000)
    require_between("--size", size, 48, 1024)
    require_between("--seed", seed, 0, 2**32)
    directory = directory.resolve()
    check_new_folder(directory)
    counts = patients_of(patients)
    images = dict.fromkeys(counts, 0)
    try:
        with atomic_folder(directory) as folder:
            for split, class_name in counts:
                (folder / split / class_name).mkdir(parents=True)
            drawn = _draw_patients(folder, counts, size, seed)
            for split, class_name, count in with_progress(drawn, "Drawing patients", sum(counts.values())):
                images[split, class_name] += count
            text = README.format(version=__version__, seed=seed, patients=patients, size=size)
            (folder / "README.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{directory} cannot be written ({error.strerror or error}): name another folder.") from error
    summary = ", ".join(f"{count} {split}/{class_name}" for (split, class_name), count in images.items())
    print(f"Synthetic data set in {directory}: {summary} images")


def patients_of(patients: int) -> dict[tuple[str, str], int]:
    """Return the number of patients of each split and class: a fifth for test, one normal to two with pneumonia."""
    rest = patients - 2 * VAL_PATIENTS
    test = rest // 5
    train = rest - test
    return {
        ("train", "NORMAL"): train // 3,
        ("train", "PNEUMONIA"): train - train // 3,
        ("val", "NORMAL"): VAL_PATIENTS,
        ("val", "PNEUMONIA"): VAL_PATIENTS,
        ("test", "NORMAL"): test * 2 // 5,
        ("test", "PNEUMONIA"): test - test * 2 // 5,
    }


def _draw_patients(
    folder: Path, counts: dict[tuple[str, str], int], size: int, seed: int
) -> Iterator[tuple[str, str, int]]:
    """Draw all patients into class folders, and yield split, class and number of images of each."""
    import numpy as np
    from PIL import Image

    from xray.sources.phantom import draw_patient, draw_phantom

    for (split, class_name), group_seed in zip(counts, np.random.SeedSequence(seed).spawn(len(counts)), strict=True):
        # A seed for each patient, so that a larger data set contains the same first patients.
        for index, patient_seed in enumerate(group_seed.spawn(counts[split, class_name])):
            rng = np.random.default_rng(patient_seed)
            number = FIRST_PATIENT[split] + index
            kind: Kind = "normal"
            if class_name != "NORMAL":
                kind = "virus" if rng.random() < 0.35 else "bacteria"
            series = "IM" if rng.random() < 0.5 else "NORMAL2-IM"
            patient = draw_patient(rng, kind)
            images = 1 if split == "val" else int(rng.integers(1, MAX_IMAGES, endpoint=True))
            for i in range(images):
                if kind == "normal":
                    name = f"{series}-{number:04d}-{i + 1:04d}.jpeg"
                else:
                    name = f"person{number}_{kind}_{MAX_IMAGES * number + i}.jpeg"
                pixels = draw_phantom(rng, size, patient)
                Image.fromarray(pixels).save(folder / split / class_name / name, quality=92)
            yield split, class_name, images
