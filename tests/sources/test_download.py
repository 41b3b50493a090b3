"""The public archive is downloaded into class folders, here from a local server."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from xray.cli import main
from xray.sources.download import CLASSES, SPLITS, download
from xray.utils.errors import UserError


def archive(path, without=()):
    rng = np.random.default_rng(0)
    arrays = {}
    for count, split in enumerate(SPLITS, start=3):
        arrays[f"{split}_images"] = rng.integers(0, 256, (count, 8, 9), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 2)[:, None].astype(np.uint8)
    np.savez(path, **{name: array for name, array in arrays.items() if name not in without})
    return arrays


@pytest.fixture
def server(tmp_path):
    """Serves the file `archive.npz`; yields its address."""
    file = tmp_path / "archive.npz"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if not file.exists():
                self.send_error(404)
                return
            content = file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/archive.npz"
        running.shutdown()


def md5_of(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_writes_the_images_of_the_archive_by_split_and_class(server, tmp_path, capsys):
    arrays = archive(tmp_path / "archive.npz")
    download(tmp_path / "data", server, md5_of(tmp_path / "archive.npz"))
    for split in SPLITS:
        for index, pixels in enumerate(arrays[f"{split}_images"]):
            name = f"{split}/{CLASSES[index % 2]}/pneumoniamnist_{split}_{index:05d}.png"
            np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "data" / name)), pixels)
    assert "CC BY 4.0" in (tmp_path / "data" / "README.md").read_text()
    assert "3 train, 4 val, 5 test images" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"archive.npz", "data"}


def test_a_file_of_another_hash_is_rejected_and_leaves_nothing(server, tmp_path):
    archive(tmp_path / "archive.npz")
    with pytest.raises(UserError, match=r"is not the expected file.*--md5"):
        download(tmp_path / "data", server, "0" * 32)
    assert {path.name for path in tmp_path.iterdir()} == {"archive.npz"}


def test_an_archive_of_other_arrays_is_rejected(server, tmp_path):
    archive(tmp_path / "archive.npz", without={"val_labels"})
    with pytest.raises(UserError, match="is not the PneumoniaMNIST archive"):
        download(tmp_path / "data", server, md5_of(tmp_path / "archive.npz"))
    assert not (tmp_path / "data").exists()


def test_a_missing_file_and_a_missing_server_are_one_line(server, tmp_path, capsys):
    for url in (server, "http://127.0.0.1:9/archive.npz"):
        assert main(["download", str(tmp_path / "data"), "--url", url]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert url in line
        assert "--url" in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "keep.txt").write_text("keep")
    with pytest.raises(UserError, match="not empty"):
        download(tmp_path / "data", server)
    assert (tmp_path / "data" / "keep.txt").read_text() == "keep"
