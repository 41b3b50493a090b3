"""The cache returns the same pixels as decoding, or raises CacheUnavailableError."""

import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import xray.data.cache.hashing
import xray.data.cache.store
from xray.data.cache.sqlite import CacheUnavailableError
from xray.data.cache.store import ImageCache, lock_cache
from xray.data.decode.image import load_image

SIDE = 16


def draw(path: Path, seed: int, side: int = 24) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def draw_many(folder: Path, count: int, side: int = 24) -> list[Path]:
    return [draw(folder / f"{i:03d}.png", i, side) for i in range(count)]


@pytest.fixture
def paths(tmp_path):
    return draw_many(tmp_path / "images", 12)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def fetch(folder, paths, size=SIDE, rule="stretch"):
    """Return the images of the readable paths, and the reasons for the others."""
    cache = ImageCache(folder, size, rule)
    images, rows, bad = cache.fetch(paths, cache.hash_files(paths))
    return images[rows], bad


def decoded(paths, size=SIDE, rule="stretch"):
    """Decode each image without a cache."""
    return np.array([load_image(path, size, rule) for path in paths]).reshape(-1, size, size)


def assert_fetched(folder, paths, **options):
    images, bad = fetch(folder, paths, **options)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, decoded(paths, **options))
    assert bad == {}


@pytest.fixture
def decodings(monkeypatch):
    """Paths that the cache decodes, in order."""
    seen = []
    original = xray.data.cache.store.decode_each

    def spy(paths, size, rule):
        seen.extend(paths)
        return original(paths, size, rule)

    monkeypatch.setattr(xray.data.cache.store, "decode_each", spy)
    return seen


@pytest.mark.parametrize(("rule", "size"), [("stretch", 16), ("pad", 33), ("crop", 16)])
def test_cold_and_warm_cache_return_what_decoding_returns(folder, paths, rule, size):
    for _ in range(2):
        assert_fetched(folder, paths, size=size, rule=rule)


def test_returns_files_in_any_order_and_repeatedly(folder, paths, decodings):
    fetch(folder, paths)
    assert_fetched(folder, [paths[i] for i in (5, 0, 11, 5)])
    assert len(decodings) == 12


def test_decodes_only_new_files(folder, paths, decodings):
    fetch(folder, paths[:8])
    assert_fetched(folder, paths)
    assert decodings == paths


def test_decodes_a_changed_file_again(folder, paths, decodings):
    fetch(folder, paths)
    draw(paths[3], 99)
    assert_fetched(folder, paths)
    assert decodings[12:] == [paths[3]]


def test_files_that_swap_names_swap_images(folder, paths, decodings):
    fetch(folder, paths)
    paths[0].rename(paths[0].with_name("x"))
    paths[1].rename(paths[0])
    paths[0].with_name("x").rename(paths[1])
    assert_fetched(folder, paths)
    assert len(decodings) == 12


def test_decodes_identical_files_once(folder, paths, decodings):
    shutil.copy(paths[2], paths[7])
    assert_fetched(folder, paths)
    assert len(decodings) == 11


def test_sizes_rules_and_decoder_versions_have_separate_caches(folder, paths, monkeypatch, decodings):
    fetch(folder, paths, 16, "stretch")
    fetch(folder, paths, 16, "pad")
    fetch(folder, paths, 32, "stretch")
    monkeypatch.setattr(xray.data.cache.store, "decoder_version", lambda: "another")
    fetch(folder, paths, 16, "stretch")
    assert len(decodings) == 4 * 12


def test_no_paths_return_no_images(folder):
    assert_fetched(folder, [])


@settings(max_examples=15)
@given(kinds=st.lists(st.sampled_from(["good", "text", "empty", "absent"]), max_size=20))
def test_reports_each_bad_file_every_time(tmp_path_factory, kinds):
    root = tmp_path_factory.mktemp("mixed")
    paths = []
    for i, kind in enumerate(kinds):
        path = root / f"{i}.png"
        if kind == "good":
            draw(path, i)
        elif kind != "absent":
            path.write_bytes(b"no image" * (kind == "text"))
        paths.append(path)
    for _ in range(2):
        images, bad = fetch(root / "cache", paths)
        assert sorted(bad) == [i for i, kind in enumerate(kinds) if kind != "good"]
        assert all(bad.values())
        np.testing.assert_array_equal(images, decoded([p for p, k in zip(paths, kinds, strict=True) if k == "good"]))


def test_reads_a_bad_file_after_it_was_repaired(folder, paths):
    good = paths[5].read_bytes()
    paths[5].write_bytes(b"no image")
    assert sorted(fetch(folder, paths)[1]) == [5]
    paths[5].write_bytes(good)
    assert_fetched(folder, paths)


def test_file_names_need_not_be_unicode(folder, tmp_path):
    good, empty = (tmp_path / os.fsdecode(name) for name in (b"good-\xff.png", b"empty-\xff.png"))
    draw(tmp_path / "image.png", 1).rename(good)
    empty.touch()
    for _ in range(2):
        images, bad = fetch(folder, [good, empty])
        np.testing.assert_array_equal(images, decoded([good]))
        assert sorted(bad) == [1]


def test_a_file_changed_between_hashing_and_decoding_is_not_cached(folder, paths):
    cache = ImageCache(folder, SIDE, "stretch")
    digests = cache.hash_files(paths)
    old = paths[6].read_bytes()
    draw(paths[6], 77)
    images, rows, bad = cache.fetch(paths, digests)
    assert bad == {6: "changed while it was read"}
    np.testing.assert_array_equal(images[rows], decoded([path for path in paths if path != paths[6]]))
    paths[6].write_bytes(old)
    assert_fetched(folder, paths)


def test_images_are_read_only(folder, paths):
    cache = ImageCache(folder, SIDE, "stretch")
    images, _, _ = cache.fetch(paths, cache.hash_files(paths))
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


# Killed writers


def exit_code_of_child(work):
    """Run a function in a forked process and return its exit status."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at(monkeypatch, module, name, call):
    """Exit without any cleanup at the nth call of a function."""
    calls = iter(range(10_000))
    original = getattr(module, name)

    def exit_or_call(*args):
        if next(calls) == call:
            os._exit(9)
        return original(*args)

    monkeypatch.setattr(module, name, exit_or_call)


@pytest.mark.parametrize(
    ("step", "call"), [("open_for_writing", 0), ("open_for_writing", 1), ("open_for_writing", 2), ("decode_each", 0)]
)
def test_a_writer_killed_while_creating_the_cache_does_no_harm(folder, paths, monkeypatch, step, call):
    def write():
        kill_at(monkeypatch, xray.data.cache.store, step, call)
        fetch(folder, paths)

    assert exit_code_of_child(write) == 9
    for _ in range(2):
        assert_fetched(folder, paths)


@pytest.mark.parametrize("call", [0, 2])
def test_images_committed_before_a_kill_are_kept(folder, paths, monkeypatch, decodings, call):
    monkeypatch.setattr(xray.data.cache.store, "COMMIT_BYTES", 3 * SIDE**2)

    def write():
        kill_at(monkeypatch, os, "fsync", call)
        fetch(folder, paths)

    assert exit_code_of_child(write) == 9
    assert_fetched(folder, paths)
    assert decodings == paths[3 * call :]


WRITER = """
import sys
from pathlib import Path
from xray.data.cache.store import ImageCache
paths = sorted(Path(sys.argv[2]).iterdir())
cache = ImageCache(Path(sys.argv[1]), 64, "stretch")
images, rows, bad = cache.fetch(paths, cache.hash_files(paths))
assert not bad and len(rows) == len(paths)
"""


def test_concurrent_writers_decode_each_image_once(tmp_path, folder):
    paths = draw_many(tmp_path / "images", 30, side=200)
    command = [sys.executable, "-c", WRITER, folder, paths[0].parent]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    assert_fetched(folder, paths, size=64)
    assert [pixels.stat().st_size for pixels in folder.glob("*/*.u8")] == [30 * 64**2]


def test_waiting_for_another_process_is_reported(folder, paths, capfd):
    with lock_cache(folder):
        # For a thread, a lock held by another thread is as good as another process's.
        thread = threading.Thread(target=fetch, args=(folder, paths))
        thread.start()
        message, deadline = "", time.monotonic() + 60
        while "Waiting for another process" not in message and time.monotonic() < deadline:
            message += capfd.readouterr().err
        assert thread.is_alive()
    thread.join()
    assert "Waiting for another process" in message
    assert_fetched(folder, paths)


# Disk errors


def _fetch_with_limited_disk(folder, paths, answer):
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        fetch(folder, paths)
        answer.put("fetched")
    except CacheUnavailableError as error:
        answer.put(str(error))


def test_a_full_disk_is_reported_and_leaves_a_valid_cache(tmp_path, folder):
    paths = draw_many(tmp_path / "images", 200)
    fetch(folder, paths[:3])
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.Queue()
    process = spawn.Process(target=_fetch_with_limited_disk, args=(folder, paths, answer))
    process.start()
    assert str(folder) in answer.get(timeout=60)
    process.join()
    assert sum(pixels.stat().st_size for pixels in folder.glob("*/*.u8")) == 3 * SIDE**2
    assert_fetched(folder, paths)


@pytest.mark.filterwarnings("ignore:The next start will read new files again")
def test_a_folder_that_cannot_be_written_is_reported(tmp_path, paths):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CacheUnavailableError, match="file"):
        fetch(tmp_path / "file" / "cache", paths)


def test_a_complete_cache_is_read_without_a_lock(folder, paths, monkeypatch):
    fetch(folder, paths)
    monkeypatch.setattr(xray.data.cache.store, "lock_cache", lambda _: pytest.fail("locked the cache"))
    assert_fetched(folder, paths)


def test_a_damaged_database_is_reported(folder, paths):
    fetch(folder, paths)
    next(folder.rglob("images.sqlite")).write_bytes(b"not a database" * 100)
    with pytest.raises(CacheUnavailableError, match=r"images\.sqlite"):
        fetch(folder, paths)


# Lost files


@pytest.mark.parametrize(("name", "decoded_again"), [("images.sqlite", 12), ("digests.sqlite", 0)])
def test_an_empty_database_file_counts_as_missing(folder, paths, decodings, name, decoded_again):
    fetch(folder, paths)
    next(folder.rglob(name)).write_bytes(b"")
    for _ in range(2):
        assert_fetched(folder, paths)
    assert len(decodings) == 12 + decoded_again


@pytest.mark.parametrize("truncated", [False, True])
def test_lost_pixels_are_decoded_again(folder, paths, truncated):
    fetch(folder, paths[:8])
    (pixels,) = folder.glob("*/images-*.u8")
    if truncated:
        os.truncate(pixels, pixels.stat().st_size - 1)
    else:
        pixels.unlink()
    assert_fetched(folder, paths[6:10])
    assert_fetched(folder, paths)


def test_mapped_images_survive_a_rebuilt_cache(folder, paths):
    cache = ImageCache(folder, SIDE, "stretch")
    images, rows, _ = cache.fetch(paths, cache.hash_files(paths))
    for path in list(folder.rglob("images*")):
        path.unlink()
    fetch(folder, paths[::-1])
    np.testing.assert_array_equal(images[rows], decoded(paths))


def test_rows_and_pixels_are_of_the_same_generation(folder, paths, monkeypatch):
    fetch(folder, paths)
    cache = ImageCache(folder, SIDE, "stretch")
    digests = cache.hash_files(paths)
    original = np.memmap

    def rebuild_and_map(*args, **options):
        # Another process removes the cache and rebuilds it in another order between the two reads.
        monkeypatch.setattr(np, "memmap", original)
        for path in list(folder.glob("*/images*")):
            path.unlink()
        fetch(folder, paths[::-1])
        return original(*args, **options)

    monkeypatch.setattr(np, "memmap", rebuild_and_map)
    images, rows, _ = cache.fetch(paths, digests)
    np.testing.assert_array_equal(images[rows], decoded(paths))
