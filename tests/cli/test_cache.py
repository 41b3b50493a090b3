"""The command `cache` shows and deletes caches, and nothing else."""

from pathlib import Path

import pytest
from PIL import Image

from xray.cli import main
from xray.data.cache.store import ImageCache

CACHE = Path("data/.cache")


def fill(folder=CACHE, size=16, rule="stretch", images=5):
    paths = [Path(f"{i}.png") for i in range(images)]
    for i, path in enumerate(paths):
        Image.new("L", (20, 20), i).save(path)
    cache = ImageCache(folder, size, rule)
    return cache.fetch(paths, cache.hash_files(paths))


def test_list_counts_images(capsys):
    fill()
    fill(size=32, rule="pad", images=3)
    assert main(["cache", "list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[-1].split("-r")[0]) for line in lines] == [("3", "pad-32"), ("5", "stretch-16")]


def test_error_of_a_damaged_cache_says_how_to_delete_it(capsys):
    fill()
    (database,) = CACHE.glob("*/images.sqlite")
    database.write_bytes(b"no database" * 1000)
    assert main(["cache", "list"]) == 1
    assert "'python -m xray cache clean'" in capsys.readouterr().err
    assert main(["cache", "clean"]) == 0
    assert not list(CACHE.rglob("*.sqlite"))


def test_missing_cache_is_not_an_error(capsys):
    assert main(["cache", "list"]) == 0
    assert "No cache in data/.cache" in capsys.readouterr().out
    assert main(["cache", "clean"]) == 0
    assert "No cache in data/.cache" in capsys.readouterr().out
    assert not CACHE.exists()


def test_clean_deletes_everything(capsys):
    fill(images=50, size=128)
    assert main(["cache", "clean"]) == 0
    assert "Freed 0.8 MB" in capsys.readouterr().out
    assert [path for path in CACHE.rglob("*") if path.is_file()] in ([], [CACHE / "lock"])
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out == ""


def test_clean_keeps_other_files():
    fill()
    store = next(CACHE.glob("stretch*"))
    mine = [CACHE / "notes.txt", CACHE / "other" / "image.png", CACHE / "digests.sqlite-notes"]
    kept = [*mine, store / "mine.txt", store / "images.sqlite.bak", store / "images-of-mine.u8"]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert main(["cache", "clean"]) == 0
    assert all(path.read_text() == "mine" for path in kept)


def test_cache_dir_option(capsys):
    fill(Path("elsewhere"))
    fill()
    assert main(["cache", "clean", "--cache_dir", "elsewhere"]) == 0
    assert not list(Path("elsewhere").rglob("images*"))
    assert list(CACHE.rglob("images*"))


def test_clean_while_in_use():
    images, rows, _ = fill()
    before = images[rows].copy()
    assert main(["cache", "clean"]) == 0
    assert (images[rows] == before).all()
    again, rows, _ = fill()
    assert (again[rows] == before).all()


@pytest.mark.parametrize("args", [[], ["cleen"], ["clean", "--dir", "x"]])
def test_wrong_arguments(capsys, args):
    assert main(["cache", *args]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
