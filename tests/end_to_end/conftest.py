"""Working folders with a trained or a tested run: trained once for each test process, then copied."""

import shutil
from contextlib import chdir
from pathlib import Path

import pytest

from tests.conftest import make_images
from tests.end_to_end.commands import fit, run


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of the test's own, where runs are written."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture(autouse=True)
def no_training_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no figures for TensorBoard, a third of a tiny fit; `trained` has them."""
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.add_figure", lambda *args, **kwargs: None)


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    make_images(folder / "images")
    with chdir(folder):
        fit(Path("images"))
    return folder


@pytest.fixture(scope="session")
def tested_once(trained_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tested")
    shutil.copytree(trained_once, folder, dirs_exist_ok=True)
    with chdir(folder):
        run("test")
    return folder


@pytest.fixture
def images(trained_once: Path, working_folder: Path) -> Path:
    """A small, clean data set in the working folder."""
    return Path(shutil.copytree(trained_once / "images", working_folder / "images")).relative_to(working_folder)


@pytest.fixture
def trained(trained_once: Path, images: Path, working_folder: Path) -> None:
    """The run cnn/version_0 in the working folder, trained for two epochs on `images`."""
    shutil.copytree(trained_once, working_folder, dirs_exist_ok=True)


@pytest.fixture
def tested(tested_once: Path, images: Path, working_folder: Path) -> None:
    """The same run after `test`."""
    shutil.copytree(tested_once, working_folder, dirs_exist_ok=True)
