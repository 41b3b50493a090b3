import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xray.sources.download import ARCHIVE_MD5, ARCHIVE_URL, CLASSES, SPLITS, download
from xray.utils.errors import UserError

NOWHERE = "http://127.0.0.1:9/never-asked"  # for tests in which nothing may be fetched

Arrays = dict[str, np.ndarray[Any, Any]]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def arrays() -> Arrays:
    random = np.random.default_rng(7)
    made: Arrays = {}
    for split, count in zip(SPLITS, (7, 3, 4), strict=True):
        made[f"{split}_images"] = random.integers(0, 256, (count, 20, 24), dtype=np.uint8)
        made[f"{split}_labels"] = (np.arange(count) % 3 > 0).astype(np.uint8)[:, None]
    return made


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a server on this machine shows it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pneumonia"


def save(path: Path, arrays: Arrays) -> str:
    """Save an archive and return its MD5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=True, **arrays)
    return hashlib.md5(path.read_bytes()).hexdigest()


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".npz.part")


def test_pixels_and_labels_come_through_exactly(
    served: tuple[Path, str], arrays: Arrays, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, address = served
    md5 = save(folder / "small.npz", arrays)
    download(target, url=f"{address}/small.npz?download=1", md5=md5)
    for split in SPLITS:
        for index, (image, label) in enumerate(
            zip(arrays[f"{split}_images"], arrays[f"{split}_labels"][:, 0], strict=True)
        ):
            path = target / split / CLASSES[label] / f"pneumoniamnist_{split}_{index:05d}.png"
            with Image.open(path) as opened:
                assert opened.mode == "L"
                assert opened.format == "PNG"
                np.testing.assert_array_equal(np.asarray(opened), image)
    assert len(list(target.rglob("*.png"))) == 14
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert "7 train, 3 val, 4 test" in capsys.readouterr().out


def test_readme_tells_source_licence_and_limits(served: tuple[Path, str], arrays: Arrays, target: Path) -> None:
    folder, address = served
    md5 = save(folder / "small.npz", arrays)
    download(target, url=f"{address}/small.npz?download=1", md5=md5)
    text = (target / "README.md").read_text(encoding="utf-8")
    for expected in (
        f"{address}/small.npz\n",
        md5,
        "CC BY 4.0",
        "24 x 20 pixels",
        "| train | 3 | 4 |",
        "10, 41 (2023)",
    ):
        assert expected in text
    for expected in ("Kermany", "Not for medical use", "patients are unknown", "may share patients"):
        assert expected in text


def test_classes_have_folders_even_when_empty(arrays: Arrays, target: Path) -> None:
    arrays["val_labels"][:] = 0
    md5 = save(part_of(target), arrays)
    download(target, NOWHERE, md5)
    assert list((target / "val" / "PNEUMONIA").iterdir()) == []


def test_finished_folder_has_the_usual_mode(arrays: Arrays, target: Path) -> None:
    md5 = save(part_of(target), arrays)
    (target.parent / "plain").mkdir()
    download(target, NOWHERE, md5)
    assert target.stat().st_mode == (target.parent / "plain").stat().st_mode


def test_empty_folder_is_filled(arrays: Arrays, target: Path) -> None:
    target.mkdir(parents=True)
    md5 = save(part_of(target), arrays)
    download(target, NOWHERE, md5)
    assert (target / "README.md").exists()


@pytest.mark.parametrize("name", ["note.txt", ".hidden"])
def test_folder_in_use_is_untouched(target: Path, name: str) -> None:
    target.mkdir(parents=True)
    (target / name).write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        download(target, NOWHERE)
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert [path.name for path in target.iterdir()] == [name]


def test_file_in_the_way_is_untouched(target: Path) -> None:
    target.parent.mkdir()
    target.write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        download(target, NOWHERE)
    assert target.read_text() == "mine"


def test_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"cannot be made: .*name a folder"):
        download(tmp_path / "file" / "deep" / "set", NOWHERE)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="mode bits do not bind this user")
def test_parent_without_write_permission(target: Path) -> None:
    target.parent.mkdir(mode=0o500)
    with pytest.raises(UserError, match="Permission denied"):
        download(target, NOWHERE)


def test_working_folder_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="name a folder inside it"):
        download(Path(), NOWHERE)


def test_wrong_checksum_leaves_nothing(served: tuple[Path, str], arrays: Arrays, target: Path) -> None:
    folder, address = served
    save(folder / "small.npz", arrays)
    with pytest.raises(UserError, match=f"not {ARCHIVE_MD5}"):
        download(target, url=f"{address}/small.npz")
    assert list(target.parent.iterdir()) == []


def test_missing_archive(served: tuple[Path, str], target: Path) -> None:
    with pytest.raises(UserError, match="404"):
        download(target, url=f"{served[1]}/none.npz")
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), MemoryError()])
def test_interrupted_layout_leaves_only_the_archive(
    arrays: Arrays, target: Path, monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    md5 = save(part_of(target), arrays)
    stop_after(monkeypatch, 5, interruption)
    with pytest.raises(type(interruption)):
        download(target, NOWHERE, md5)
    assert list(target.parent.iterdir()) == [part_of(target)]


def test_full_disk_during_layout_can_be_taken_up_again(
    arrays: Arrays, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5 = save(part_of(target), arrays)
    with monkeypatch.context() as patch:
        stop_after(patch, 5, OSError(28, "No space left on device"))
        with pytest.raises(UserError, match="No space left on device"):
            download(target, NOWHERE, md5)
    assert list(target.parent.iterdir()) == [part_of(target)]
    download(target, NOWHERE, md5)
    assert len(list(target.rglob("*.png"))) == 14


def stop_after(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException) -> None:
    """Let so many images be written and then raise."""
    original = Image.Image.save
    written: list[Path] = []

    def save_some(image: Image.Image, path: Path) -> None:
        if len(written) == count:
            raise error
        written.append(path)
        original(image, path)

    monkeypatch.setattr(Image.Image, "save", save_some)


def test_folder_filled_meanwhile_is_untouched(arrays: Arrays, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    md5 = save(part_of(target), arrays)
    original = Image.Image.save

    def save_and_intrude(image: Image.Image, path: Path) -> None:
        target.mkdir(exist_ok=True)
        (target / "other").write_text("theirs")
        original(image, path)

    monkeypatch.setattr(Image.Image, "save", save_and_intrude)
    with pytest.raises(UserError, match="cannot be written"):
        download(target, NOWHERE, md5)
    assert [path.name for path in target.iterdir()] == ["other"]
    assert sorted(target.parent.iterdir()) == [target, part_of(target)]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("val_images", None, "val_images"),
        ("val_images", np.zeros((3, 4, 4), np.float32), "float32"),
        ("val_images", np.zeros((3, 4, 4, 3), np.uint8), "height, width"),
        ("val_images", np.zeros((0, 4, 4), np.uint8), "height, width"),
        ("val_images", np.array([None, "code"], dtype=object), "allow_pickle=False"),
        ("val_labels", np.zeros((4, 1), np.uint8), "one 0 or 1"),
        ("val_labels", np.zeros(3, np.uint8), "one 0 or 1"),
        ("val_labels", np.zeros((3, 1)), "one 0 or 1"),
        ("val_labels", np.full((3, 1), 2, np.uint8), "one 0 or 1"),
    ],
)
def test_archive_with_other_arrays(
    arrays: Arrays, target: Path, name: str, value: np.ndarray[Any, Any] | None, message: str
) -> None:
    del arrays[name]
    if value is not None:
        arrays[name] = value
    md5 = save(part_of(target), arrays)
    with pytest.raises(UserError, match=message) as caught:
        download(target, NOWHERE, md5)
    assert str(part_of(target)) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(target.parent.iterdir()) == [part_of(target)]


@pytest.mark.parametrize("damage", ["empty", "text", "npy", "short", "flipped"])
def test_archive_that_is_no_archive(arrays: Arrays, target: Path, damage: str) -> None:
    part = part_of(target)
    save(part, arrays)
    whole = part.read_bytes()
    if damage == "npy":
        with part.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        flipped = whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]
        part.write_bytes({"empty": b"", "text": b"<html>", "short": whole[:500], "flipped": flipped}[damage])
    with pytest.raises(UserError, match="is not the PneumoniaMNIST archive"):
        download(target, NOWHERE, hashlib.md5(part.read_bytes()).hexdigest())
    assert list(target.parent.iterdir()) == [part]


def test_default_address_is_the_published_one() -> None:
    assert ARCHIVE_URL == "https://zenodo.org/records/10519652/files/pneumoniamnist_224.npz?download=1"
    assert ARCHIVE_MD5 == "d6a3c71de1b945ea11211b03746c1fe1"


def test_import_is_light() -> None:
    code = "import sys, xray.sources.download; print([m for m in ('numpy', 'PIL', 'rich', 'ssl') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
