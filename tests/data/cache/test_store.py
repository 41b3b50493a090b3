"""The cache gives the pixels that decoding gives, or says that it cannot; never anything else."""

import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
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
    return [draw(folder / f"{i}.png", i, side) for i in range(count)]


@pytest.fixture
def paths(tmp_path):
    return draw_many(tmp_path / "images", 12)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def fetch(folder, paths, size=SIDE, rule="stretch"):
    """Images of the paths that can be read, and the reasons of the others."""
    cache = ImageCache(folder, size, rule)
    images, rows, bad = cache.fetch(paths, cache.digests(paths))
    return images[rows], bad


def decoded(paths, size=SIDE, rule="stretch"):
    """What the images should be, by decoding each of them here."""
    return np.array([load_image(path, size, rule) for path in paths]).reshape(-1, size, size)


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files of these tests have just been written, and count all the same."""
    monkeypatch.setattr(xray.data.cache.hashing, "SETTLED", 0)


def pixels_of(folder):
    (pixels,) = folder.glob("*/images-*.u8")
    return pixels


@pytest.fixture
def decodings(monkeypatch):
    """Paths that the cache decodes, in their order."""
    seen = []
    original = xray.data.cache.store.decode_each

    def spy(paths, size, rule):
        seen.extend(paths)
        return original(paths, size, rule)

    monkeypatch.setattr(xray.data.cache.store, "decode_each", spy)
    return seen


@pytest.mark.parametrize("rule", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("size", [16, 33])
def test_first_and_later_fetches_give_what_decoding_gives(folder, paths, size, rule):
    for _ in range(2):
        images, bad = fetch(folder, paths, size, rule)
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, decoded(paths, size, rule))
        assert bad == {}


def test_each_file_is_decoded_once(folder, paths, decodings):
    for _ in range(3):
        fetch(folder, paths)
    assert decodings == paths


def test_files_may_be_asked_for_in_any_order_and_more_than_once(folder, paths, decodings):
    fetch(folder, paths)
    order = [paths[i] for i in (5, 0, 11, 5)]
    np.testing.assert_array_equal(fetch(folder, order)[0], decoded(order))
    assert len(decodings) == 12


def test_only_new_files_are_decoded(folder, paths, decodings):
    fetch(folder, paths[:8])
    images, _ = fetch(folder, paths)
    np.testing.assert_array_equal(images, decoded(paths))
    assert decodings == paths


def test_a_changed_file_is_noticed(folder, paths, decodings):
    fetch(folder, paths)
    draw(paths[3], 99)
    images, _ = fetch(folder, paths)
    np.testing.assert_array_equal(images, decoded(paths))
    assert decodings[12:] == [paths[3]]


def test_a_file_changed_to_one_of_the_same_size_and_time_is_noticed(folder, tmp_path):
    path = tmp_path / "image.bmp.png"
    # Uncompressed, so that both files are equally long.
    Image.new("L", (20, 20), 50).save(path, compress_level=0)
    fetch(folder, [path])
    before = path.stat()
    Image.new("L", (20, 20), 200).save(path, compress_level=0)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert (fetch(folder, [path])[0] == 200).all()


def test_a_removed_file_is_not_given_and_the_others_stay(folder, paths, decodings):
    fetch(folder, paths)
    paths.pop(4).unlink()
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))
    assert len(decodings) == 12


def test_files_that_swap_their_names_swap_their_images(folder, paths, decodings):
    fetch(folder, paths)
    paths[0].rename(paths[0].with_name("x"))
    paths[1].rename(paths[0])
    paths[0].with_name("x").rename(paths[1])
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))
    assert len(decodings) == 12


def test_a_copy_of_the_folder_elsewhere_is_not_decoded_again(folder, paths, tmp_path, decodings):
    fetch(folder, paths)
    shutil.copytree(paths[0].parent, tmp_path / "copy")
    copies = [tmp_path / "copy" / path.name for path in paths]
    np.testing.assert_array_equal(fetch(folder, copies)[0], decoded(paths))
    assert len(decodings) == 12


def test_identical_files_are_decoded_once(folder, paths, decodings):
    shutil.copy(paths[2], paths[7])
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))
    assert len(decodings) == 11


def test_sizes_rules_and_decoders_are_kept_apart(folder, paths, monkeypatch, decodings):
    fetch(folder, paths, 16, "stretch")
    fetch(folder, paths, 16, "pad")
    fetch(folder, paths, 32, "stretch")
    monkeypatch.setattr(xray.data.cache.store, "decoder_version", lambda: "another")
    fetch(folder, paths, 16, "stretch")
    assert len(decodings) == 4 * 12


def test_nothing_to_fetch_gives_nothing(folder):
    images, bad = fetch(folder, [])
    assert images.shape == (0, SIDE, SIDE)
    assert bad == {}


@settings(max_examples=25)
@given(data=st.data())
def test_every_bad_file_is_told_at_its_place_each_time(tmp_path_factory, data):
    kinds = data.draw(st.lists(st.sampled_from(["good", "text", "empty", "absent"]), max_size=20))
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


def test_a_bad_file_that_was_mended_is_read(folder, paths):
    good = paths[5].read_bytes()
    paths[5].write_bytes(b"no image")
    assert sorted(fetch(folder, paths)[1]) == [5]
    paths[5].write_bytes(good)
    images, bad = fetch(folder, paths)
    assert bad == {}
    np.testing.assert_array_equal(images, decoded(paths))


def test_files_whose_names_are_no_text_are_fetched_or_told(folder, tmp_path):
    good, empty = (tmp_path / os.fsdecode(name) for name in (b"good-\xff.png", b"empty-\xff.png"))
    draw(tmp_path / "image.png", 1).rename(good)
    empty.touch()
    for _ in range(2):
        images, bad = fetch(folder, [good, empty])
        np.testing.assert_array_equal(images, decoded([good]))
        assert sorted(bad) == [1]


def test_a_file_that_changes_between_hash_and_decoding_is_not_kept_under_the_old_hash(folder, paths):
    cache = ImageCache(folder, SIDE, "stretch")
    digests = cache.digests(paths)
    old = paths[6].read_bytes()
    draw(paths[6], 77)
    images, rows, bad = cache.fetch(paths, digests)
    assert bad == {6: "changed while it was read"}
    np.testing.assert_array_equal(images[rows], decoded([path for path in paths if path != paths[6]]))
    paths[6].write_bytes(old)
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


def test_images_cannot_be_changed_by_who_fetched_them(folder, paths):
    images, _, _ = ImageCache(folder, SIDE, "stretch").fetch(paths, ImageCache(folder, SIDE, "stretch").digests(paths))
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_real_images_are_the_same_with_the_cache(full_size_images, folder):
    paths = sorted(full_size_images.glob("*/*"))[::10]
    for _ in range(2):
        images, bad = fetch(folder, paths, 128)
        np.testing.assert_array_equal(images, decoded(paths, 128))
        assert bad == {}


# A writer that dies


def stop_at(monkeypatch, call):
    """Let the writer die, without any chance to tidy up, at its nth step that reaches the disk."""
    calls = iter(range(10_000))
    original = os.fsync

    def fsync(descriptor):
        if next(calls) == call:
            os._exit(9)
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


STEPS = ["writing", "_count", "_make_room", "decode_each"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("call", range(3))
def test_a_kill_while_the_cache_is_first_made_costs_nothing(folder, paths, monkeypatch, step, call):
    child = os.fork()
    if not child:
        calls = iter(range(1000))
        original = getattr(xray.data.cache.store, step)

        def die(*args):
            if next(calls) == call:
                os._exit(9)
            return original(*args)

        monkeypatch.setattr(xray.data.cache.store, step, die)
        fetch(folder, paths)
        os._exit(0)
    os.waitpid(child, 0)
    for _ in range(2):
        np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


@pytest.mark.parametrize("call", range(4))
def test_images_on_record_before_a_kill_are_kept_and_the_rest_is_decoded_again(
    folder, paths, monkeypatch, decodings, call
):
    monkeypatch.setattr(xray.data.cache.store, "COMMIT_BYTES", 3 * SIDE**2)
    child = os.fork()
    if not child:
        stop_at(monkeypatch, call)
        fetch(folder, paths)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    images, _ = fetch(folder, paths)
    np.testing.assert_array_equal(images, decoded(paths))
    assert decodings == paths[3 * call :]


def test_a_writer_killed_in_the_middle_of_a_transaction_costs_nothing(folder, paths, monkeypatch):
    fetch(folder, paths[:5])
    child = os.fork()
    if not child:
        # Pages reach the file before the end of the transaction where there is no memory to keep them.
        with xray.data.cache.store.writing(next(folder.rglob("images.sqlite")), "PRAGMA cache_size = 1") as database:
            database.execute("PRAGMA cache_spill = 1")
            database.executemany("INSERT INTO images VALUES (?, ?)", ((f"{i:032x}", i + 5) for i in range(5000)))
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert list(folder.rglob("images.sqlite-journal"))
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


WRITER = """
import sys
from pathlib import Path
import xray.data.cache.store
from xray.data.cache.store import ImageCache
xray.data.cache.store.COMMIT_BYTES = 5 * 64**2
paths = sorted(Path(sys.argv[2]).iterdir())
cache = ImageCache(Path(sys.argv[1]), 64, "stretch")
digests = cache.digests(paths)
print("begins", flush=True)
images, rows, bad = cache.fetch(paths, digests)
assert not bad and len(rows) == len(paths)
print("done", flush=True)
"""


def start_writer(folder, images, **options):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, folder, images], stdout=subprocess.PIPE, text=True, **options
    )


def test_writers_killed_at_random_moments_leave_only_whole_images(tmp_path, folder):
    paths = sorted(draw_many(tmp_path / "images", 150, side=300))
    expected = decoded(paths, 64)
    pick = random.Random(0)
    killed = 0
    for _ in range(12):
        with start_writer(folder, paths[0].parent) as writer:
            assert writer.stdout.readline() == "begins\n"
            time.sleep(pick.uniform(0, 0.12))
            writer.send_signal(signal.SIGKILL)
            killed += writer.wait() == -signal.SIGKILL
        # What is there by now is right; look without decoding anything.
        cache = ImageCache(folder, 64, "stretch")
        images, rows = cache._known(cache.digests(paths))
        there = np.flatnonzero(rows >= 0)
        np.testing.assert_array_equal(images[rows[there]], expected[there])
    assert killed
    np.testing.assert_array_equal(fetch(folder, paths, 64)[0], expected)


def test_processes_that_start_together_end_with_one_good_cache(tmp_path, folder):
    paths = sorted(draw_many(tmp_path / "images", 60, side=200))
    writers = [start_writer(folder, paths[0].parent, stderr=subprocess.PIPE) for _ in range(4)]
    said = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert all(out == "begins\ndone\n" for out, _ in said)
    np.testing.assert_array_equal(fetch(folder, paths, 64)[0], decoded(paths, 64))
    assert pixels_of(folder).stat().st_size == 60 * 64**2  # each image once


def test_who_waits_for_another_process_says_so(folder, paths, capfd):
    held = threading.Event()

    def hold():
        with lock_cache(folder):
            held.set()
            time.sleep(0.3)

    # A lock of the same process in another thread is another's lock.
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))
    thread.join()
    assert "Waiting for another process" in capfd.readouterr().err


# A disk that fails


def _fetch_with_little_room(folder, paths, room, answer):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        fetch(folder, paths)
        answer.put("fetched")
    except CacheUnavailableError as error:
        answer.put(str(error))


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("room", [0, 1000, 9000, 20_000])
def test_a_full_disk_is_told_and_leaves_a_cache_that_is_whole(tmp_path, folder, room, before):
    paths = draw_many(tmp_path / "images", 200)
    fetch(folder, paths[:before])
    spawn = multiprocessing.get_context("spawn")
    answer = spawn.Queue()
    process = spawn.Process(target=_fetch_with_little_room, args=(folder, paths, room, answer))
    process.start()
    assert str(folder) in answer.get(timeout=60)
    process.join()
    assert sum(pixels.stat().st_size for pixels in folder.glob("*/*.u8")) == before * SIDE**2  # nothing fills the disk
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


def test_a_place_that_cannot_be_written_is_told(tmp_path, paths):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CacheUnavailableError, match="file"):
        fetch(tmp_path / "file" / "cache", paths)


def test_a_complete_cache_needs_no_writing(folder, paths, monkeypatch):
    fetch(folder, paths)

    def reject(*_):
        raise AssertionError("a lock was taken")

    monkeypatch.setattr(xray.data.cache.store, "lock_cache", reject)
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


def test_a_damaged_database_is_told(folder, paths):
    fetch(folder, paths)
    next(folder.rglob("images.sqlite")).write_bytes(b"no database at all" * 100)
    with pytest.raises(CacheUnavailableError, match=r"images\.sqlite"):
        fetch(folder, paths)


@pytest.mark.parametrize("error", [errno.EBADF, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_cannot_reserve_room_does_without(folder, paths, monkeypatch, error):
    def reject(*_):
        raise OSError(error, "no room can be reserved")

    monkeypatch.setattr(os, "posix_fallocate", reject)
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


# Files that were lost


@pytest.mark.parametrize("name", ["images.sqlite", "digests.sqlite"])
def test_a_database_without_content_is_none(folder, paths, decodings, name):
    fetch(folder, paths)
    next(folder.rglob(name)).write_bytes(b"")
    for _ in range(2):
        np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))
    assert len(decodings) == (24 if name == "images.sqlite" else 12)


def lose(pixels):
    pixels.unlink()


def cut_off(pixels):
    os.truncate(pixels, pixels.stat().st_size - 1)


@pytest.mark.parametrize("damage", [lose, cut_off])
@pytest.mark.parametrize("asked", [slice(None), slice(0, 2), slice(8, 12)])
def test_pixels_that_were_lost_are_decoded_again_whoever_asks(folder, paths, damage, asked):
    fetch(folder, paths[:8])
    damage(pixels_of(folder))
    np.testing.assert_array_equal(fetch(folder, paths[asked])[0], decoded(paths[asked]))
    np.testing.assert_array_equal(fetch(folder, paths)[0], decoded(paths))


@pytest.mark.parametrize("lost", ["images.sqlite", "images-*.u8", "images*"])
def test_who_has_images_mapped_keeps_them_whatever_is_lost_and_made_anew(folder, paths, lost):
    images, rows, _ = ImageCache(folder, SIDE, "stretch").fetch(
        paths, ImageCache(folder, SIDE, "stretch").digests(paths)
    )
    for path in list(folder.rglob(lost)):
        path.unlink()
    fetch(folder, paths[::-1])
    np.testing.assert_array_equal(images[rows], decoded(paths))


def test_rows_of_one_generation_are_never_looked_up_in_another(folder, paths, monkeypatch):
    fetch(folder, paths)
    cache = ImageCache(folder, SIDE, "stretch")
    digests = cache.digests(paths)
    original = xray.data.cache.store._count

    def replaced(database):
        # The cache is removed, and regenerated in another order, while its database is being read.
        monkeypatch.setattr(xray.data.cache.store, "_count", original)
        for path in list(folder.glob("*/images*")):
            path.unlink()
        fetch(folder, paths[::-1])
        return original(database)

    monkeypatch.setattr(xray.data.cache.store, "_count", replaced)
    images, rows, _ = cache.fetch(paths, digests)
    np.testing.assert_array_equal(images[rows], decoded(paths))
