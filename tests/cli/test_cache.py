"""What the caches take is shown and freed, and nothing else is touched."""

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
    return cache.fetch(paths, cache.digests(paths))


def test_each_cache_is_listed_with_its_images(capsys):
    fill()
    fill(size=32, rule="pad", images=3)
    assert main(["cache", "list"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[-1].split("-r")[0]) for line in lines] == [("3", "pad-32"), ("5", "stretch-16")]


def test_a_damaged_cache_is_named_with_the_command_that_frees_it(capsys):
    fill()
    (database,) = CACHE.glob("*/images.sqlite")
    database.write_bytes(b"no database" * 1000)
    assert main(["cache", "list"]) == 1
    assert "'python -m xray cache clean'" in capsys.readouterr().err
    assert main(["cache", "clean"]) == 0
    assert main(["cache", "list"]) == 0


def test_no_cache_is_no_error(capsys):
    assert main(["cache", "list"]) == 0
    assert "No cache in data/.cache" in capsys.readouterr().out
    assert main(["cache", "clean"]) == 0
    assert "Freed 0.0 MB" in capsys.readouterr().out
    assert not CACHE.exists()


def test_clean_frees_all_of_it(capsys):
    fill(images=50, size=128)
    assert main(["cache", "clean"]) == 0
    assert "Freed 0.8 MB" in capsys.readouterr().out
    assert [path for path in CACHE.rglob("*") if path.is_file()] in ([], [CACHE / "lock"])
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out == ""


def test_clean_leaves_what_is_not_the_caches():
    fill()
    store = next(CACHE.glob("stretch*"))
    mine = [CACHE / "notes.txt", CACHE / "other" / "image.png", CACHE / "digests.sqlite-notes"]
    kept = [*mine, store / "mine.txt", store / "images.sqlite.bak", store / "images-of-mine.u8"]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert main(["cache", "clean"]) == 0
    assert all(path.read_text() == "mine" for path in kept)


def test_another_folder_may_be_named(capsys):
    fill(Path("elsewhere"))
    fill()
    assert main(["cache", "clean", "--cache_dir", "elsewhere"]) == 0
    assert not list(Path("elsewhere").rglob("images*"))
    assert list(CACHE.rglob("images*"))


def test_images_in_use_stay_readable_and_a_new_cache_can_be_made():
    images, rows, _ = fill()
    before = images[rows].copy()
    assert main(["cache", "clean"]) == 0
    assert (images[rows] == before).all()
    again, rows, _ = fill()
    assert (again[rows] == before).all()


def test_a_damaged_cache_is_cleaned_too():
    fill()
    for path in CACHE.rglob("*.sqlite"):
        path.write_bytes(b"damaged" * 500)
    assert main(["cache", "list"]) == 1
    assert main(["cache", "clean"]) == 0
    assert not list(CACHE.rglob("*.sqlite"))


@pytest.mark.parametrize("words", [[], ["cleen"], ["clean", "--dir", "x"]])
def test_a_wrong_word_is_answered_in_one_line(capsys, words):
    assert main(["cache", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
