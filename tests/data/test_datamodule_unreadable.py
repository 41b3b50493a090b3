"""Unreadable images stop a run with a list, or are skipped with a note."""

import pytest

from tests.data.datamodules import (
    assert_batches_match_files,
    files,
    first,
    paths,
    rejection,
    set_up_with_warning,
    spoil,
    spoil_one_of_each,
)


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_unreadable_images_stop_with_a_list(images, validation):
    bad = spoil_one_of_each(images)
    message = rejection(images, validation=validation)
    assert "4 of 64 images cannot be read" in message
    assert "--data.unreadable skip" in message
    assert all(f"\n  {path}: " in message for path in bad)
    spoil(first(images, "test", "NORMAL"))
    assert "1 of 28 images cannot be read" in rejection(images, "test")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_unreadable_images_are_skipped_with_a_note(images, validation):
    bad = spoil_one_of_each(images)
    spoiled = {path.relative_to(images).as_posix() for path in bad}
    for _ in range(2):  # a cold cache, then a warm one
        data = set_up_with_warning(images, unreadable="skip", validation=validation)
        assert paths(data.images["train"]) | paths(data.images["val"]) == files(images, "train", "val") - spoiled
        (note,) = data.notes
        assert "Left out 4 of 64 images" in note
        assert all(str(path) in note for path in bad)
        assert_batches_match_files(data, "train")
        assert_batches_match_files(data, "val")


@pytest.mark.parametrize(
    ("pattern", "validation"), [("*/NORMAL/*", "random"), ("*/NORMAL/*", "folder"), ("*/*/*", "folder")]
)
def test_rejects_a_class_without_readable_images(images, pattern, validation):
    for path in images.glob(pattern):
        spoil(path)
    with pytest.warns(UserWarning, match="Left out"):
        assert "no readable image of class NORMAL" in rejection(images, unreadable="skip", validation=validation)


@pytest.mark.filterwarnings("ignore:Left out")
@pytest.mark.parametrize("validation", ["random", "folder"])
def test_empty_files_are_unreadable_but_not_identical(images, validation):
    # An interrupted copy leaves empty files, of different patients.
    for folder in ("train", "val", "test"):
        first(images, folder, "NORMAL").write_bytes(b"")
    assert "cannot be read" in rejection(images, validation=validation)
    assert "cannot be read" in rejection(images, "test", validation=validation)
    data = set_up_with_warning(images, validation=validation, unreadable="skip")
    data.setup("test")
    assert all("Left out" in note for note in data.notes)
