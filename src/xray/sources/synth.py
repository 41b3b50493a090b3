"""The `synth` command: a made-up data set in the layout and file names of the public chest X-ray release."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xray import __version__
from xray.utils.errors import UserError
from xray.utils.files import check_new_folder, write_whole_folder

if TYPE_CHECKING:
    import numpy as np

    from xray.sources.anatomy import Kind

FOLDERS = ("train", "val", "test")
CLASSES = ("NORMAL", "PNEUMONIA")
PATIENTS_RANGE = (30, 5000)  # fewer leave a folder without a class, more run out of four-digit numbers
SIZE_RANGE = (48, 1024)

_IMAGES_PER_PATIENT = (0.4, 0.3, 0.2, 0.1)  # chance of 1, 2, 3 and 4 images
_VAL_IMAGES = (1, 2, 1, 3, 1)  # images of each val patient: 8 per class, as in the real release
_FIRST_PATIENT = {"test": 1, "val": 1101, "train": 1201}  # numbers of one folder are one contiguous block
_FIRST_IMAGE = {"test": 1, "val": 5001, "train": 6001}  # running image number of the pneumonia files
_BACTERIA_SHARE = 0.65
_JPEG_QUALITY = 92

_README = """\
# SYNTHETIC chest drawings

These files are drawings made by a program. They are **not X-ray images, and they show no person**; names and
folders only imitate a public chest X-ray release, so that programs can be tried without it.

Not for any medical use, and no measure of how a model would do on real images.

- made by: `xray synth`, xray {version}
- seed: {seed}
- patients: {patients}
- size: {size} x {size} pixels
"""


@dataclass(frozen=True)
class Case:
    """One made-up patient: where the images go, what they are called and what they are drawn from."""

    folder: str
    label: str
    kind: "Kind"
    names: tuple[str, ...]
    seed: "np.random.SeedSequence"


def synth(directory: Path, patients: int = 500, size: int = 160, seed: int = 0) -> None:
    """Draw a SYNTHETIC chest X-ray data set to try the program on; not images of people.

    Args:
        directory: Folder to make; it must not exist yet or be empty.
        patients: How many patients to draw, 30 to 5000; each has 1 to 4 images.
        size: Side of the square images in pixels, 48 to 1024.
        seed: Seed of all randomness; the same seed draws the same files.
    """
    _check_range("patients", patients, PATIENTS_RANGE)
    _check_range("size", size, SIZE_RANGE)
    if seed < 0:
        raise UserError(f"seed {seed} is below 0: synth takes a seed of 0 or more")
    directory = directory.resolve()
    check_new_folder(directory)
    cases = plan(patients, seed)
    try:
        with write_whole_folder(directory) as made:
            _draw(cases, made, size)
            text = _README.format(version=__version__, seed=seed, patients=patients, size=size)
            (made / "README.md").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{directory} cannot be written: {error.strerror or error}; mend that and try again") from error
    _report(cases, directory)


def plan(patients: int, seed: int) -> list[Case]:
    """List all patients and file names of a data set, without drawing anything.

    Each patient has a seed of their own, so a larger number of patients only adds cases: those of a smaller
    number come out the same, in name and in picture.

    Args:
        patients: How many patients, within `PATIENTS_RANGE`.
        seed: Seed of all randomness, 0 or more.
    """
    import numpy as np

    counts = _patient_counts(patients)
    cases = []
    for (folder, label), group_seed in zip(counts, np.random.SeedSequence(seed).spawn(len(counts)), strict=True):
        next_number = _FIRST_IMAGE[folder]
        for index, patient_seed in enumerate(group_seed.spawn(counts[folder, label])):
            case = _plan_case(folder, label, index, next_number, patient_seed)
            next_number += len(case.names)
            cases.append(case)
    return cases


def _patient_counts(patients: int) -> dict[tuple[str, str], int]:
    """Share the patients out: val is fixed, test gets a fifth of the rest; normal to pneumonia is 1:2 and 1:1.5."""
    val = len(_VAL_IMAGES)
    test = (patients - 2 * val) // 5
    train = patients - 2 * val - test
    test_normal, train_normal = test * 2 // 5, train // 3
    return {
        ("train", "NORMAL"): train_normal,
        ("train", "PNEUMONIA"): train - train_normal,
        ("val", "NORMAL"): val,
        ("val", "PNEUMONIA"): val,
        ("test", "NORMAL"): test_normal,
        ("test", "PNEUMONIA"): test - test_normal,
    }


def _plan_case(folder: str, label: str, index: int, next_number: int, seed: "np.random.SeedSequence") -> Case:
    """Name one patient's images; `index` counts within the folder and class, `image` is the next free number."""
    import numpy as np

    naming_seed, drawing_seed = seed.spawn(2)
    rng = np.random.default_rng(naming_seed)
    images = 1 + int(rng.choice(len(_IMAGES_PER_PATIENT), p=_IMAGES_PER_PATIENT))
    if folder == "val":
        images = _VAL_IMAGES[index]
    number = _FIRST_PATIENT[folder] + index
    if label == "NORMAL":
        series = "IM" if rng.random() < 0.5 else "NORMAL2-IM"
        names = tuple(f"{series}-{number:04d}-{image:04d}.jpeg" for image in range(1, images + 1))
        return Case(folder, label, "normal", names, drawing_seed)
    kind: Kind = "bacteria" if rng.random() < _BACTERIA_SHARE else "virus"
    names = tuple(f"person{number}_{kind}_{next_number + image}.jpeg" for image in range(images))
    return Case(folder, label, kind, names, drawing_seed)


def _draw(cases: list[Case], directory: Path, size: int) -> None:
    """Draw and save all images below `directory`, showing progress."""
    import numpy as np
    from PIL import Image
    from rich.progress import track

    from xray.sources.anatomy import draw_anatomy, draw_findings
    from xray.sources.phantom import draw_phantom

    for folder in FOLDERS:
        for label in CLASSES:
            (directory / folder / label).mkdir(parents=True)
    for case in track(cases, description="drawing synthetic images"):
        rng = np.random.default_rng(case.seed)
        anatomy = draw_anatomy(rng)
        findings = draw_findings(rng, case.kind)
        for name in case.names:
            image = draw_phantom(rng, size, anatomy, findings)
            Image.fromarray(image).save(directory / case.folder / case.label / name, quality=_JPEG_QUALITY)


def _check_range(name: str, value: int, limits: tuple[int, int]) -> None:
    """Reject a number outside its range."""
    low, high = limits
    if not low <= value <= high:
        raise UserError(f"{name} {value} is out of range: synth takes {low} to {high}")


def _report(cases: list[Case], directory: Path) -> None:
    """Print one line of counts."""
    from rich.console import Console

    images = {(folder, label): 0 for folder in FOLDERS for label in CLASSES}
    for case in cases:
        images[case.folder, case.label] += len(case.names)
    counts = "; ".join(
        f"{folder} " + ", ".join(f"{images[folder, label]} {label}" for label in CLASSES) for folder in FOLDERS
    )
    Console().print(f"synthetic data set in {directory}: {counts}", markup=False, highlight=False, soft_wrap=True)
