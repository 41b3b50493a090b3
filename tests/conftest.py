"""Fixtures with small synthetic data sets, and with the real images where available."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image

CLASSES = ("NORMAL", "PNEUMONIA")
# Several test processes share the cores, so more threads would only slow them down.
torch.set_num_threads(1)
# On a busy machine a single example may take long.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

REAL_DATA = Path(os.environ.get("XRAY_DATA", Path(__file__).parents[2] / "shared" / "data"))


def draw_image(rng: np.random.Generator, pneumonia: bool, size: int = 48) -> Image.Image:
    """Draw grey noise, with a bright square for pneumonia, so that a network learns it in a few steps."""
    pixels = rng.normal(90, 20, (size, size))
    if pneumonia:
        row, column = rng.integers(size // 8, size // 2, 2)
        pixels[row : row + size // 3, column : column + size // 3] += 70
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def image_name(folder: str, class_name: str, patient: int, k: int) -> str:
    """Return a file name as in the public release; no patient number occurs in two folders."""
    number = patient + {"train": 100, "val": 400, "test": 700}[folder]
    if class_name == "NORMAL":
        series = "IM" if patient % 2 else "NORMAL2-IM"
        return f"{series}-{number:04d}-{k:04d}.jpeg"
    return f"person{number}_{'bacteria' if patient % 2 else 'virus'}_{10 * number + k}.jpeg"


def make_images(
    root: Path,
    patients: dict[str, tuple[int, int]] | None = None,
    images_per_patient: int = 2,
    size: int = 48,
    seed: int = 0,
) -> Path:
    """Write train, val and test folders with the given numbers of NORMAL and PNEUMONIA patients; return the root."""
    rng = np.random.default_rng(seed)
    for folder, counts in (patients or {"train": (12, 16), "val": (2, 2), "test": (6, 8)}).items():
        for label, class_name in enumerate(CLASSES):
            class_folder = root / folder / class_name
            class_folder.mkdir(parents=True)
            for patient in range(counts[label]):
                for k in range(1, images_per_patient + 1):
                    image = draw_image(rng, bool(label), size)
                    image.save(class_folder / image_name(folder, class_name, patient, k), quality=90)
    return root


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reject connections to other machines."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"
        if host not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect_locally)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in its own working folder, where runs and caches are written."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A small, clean data set."""
    return make_images(tmp_path / "images")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes further data sets in the test's folder."""
    return lambda name, **options: make_images(tmp_path / name, **options)


@pytest.fixture(scope="session")
def real_images() -> Path:
    """The folder of the real images, next to the project or at XRAY_DATA."""
    folder = REAL_DATA / "chest_xray"
    if not folder.is_dir():
        pytest.skip(f"no real images in {folder}: set XRAY_DATA to the folder that holds chest_xray")
    return folder


@pytest.fixture(scope="session")
def full_size_images() -> Path:
    """The folder of real images in their original size."""
    folder = REAL_DATA / "fullsize"
    if not folder.is_dir():
        pytest.skip(f"no full-size images in {folder}: set XRAY_DATA to the folder that holds fullsize")
    return folder
