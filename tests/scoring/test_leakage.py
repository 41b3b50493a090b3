"""Duplicates among the scored images, and between them and the training images."""

import shutil

import pytest
from PIL import Image
from tests.conftest import make_images

from xray.data.datamodule import ChestXRayDataModule
from xray.data.split_record import trained_images_json
from xray.runs.checkpoint import TRAINED_KEY, Checkpoint
from xray.scoring.leakage import find_duplicates


@pytest.fixture
def large(tmp_path):
    """Images that are large enough to recognise a copy."""
    return make_images(tmp_path / "large", {"train": (4, 4), "val": (2, 2), "test": (3, 3)}, size=96)


def trained_on(root, size=96):
    """Return the training data of a model, and its checkpoint."""
    trained = ChestXRayDataModule(root, image_size=size, val_fraction=0.3)
    trained.setup("fit")
    content = {TRAINED_KEY: trained_images_json(trained)}
    return trained, Checkpoint("best.ckpt", {"data": {"root": str(root)}}, content)


def scored(root, checkpoint, size=96):
    """Return the duplicates in a test on `root`, and the data."""
    data = ChestXRayDataModule(root, image_size=size, overlaps="accept")
    data.setup("test")
    return find_duplicates(checkpoint, data, "test"), data


def names(found):
    return [
        (row["kind"], row["first"].rpartition("/")[2], row["second"].rpartition("/")[2], row["with"]) for row in found
    ]


def test_different_images_are_not_reported(large):
    found, data = scored(large, trained_on(large)[1])
    assert found == []
    assert data.notes == []


def test_finds_copies_among_the_scored_images(large):
    test = large / "test/PNEUMONIA"
    shutil.copy(test / "person700_virus_7001.jpeg", test / "person790_virus_1.jpeg")
    image = Image.open(test / "person701_bacteria_7011.jpeg")
    image.resize((120, 120)).save(test / "person791_virus_1.jpeg", quality=70)
    found, data = scored(large, trained_on(large)[1])
    assert names(found) == [
        ("same file", "person700_virus_7001.jpeg", "person790_virus_1.jpeg", "test"),
        ("near duplicate", "person701_bacteria_7011.jpeg", "person791_virus_1.jpeg", "test"),
    ]
    assert found[0]["similarity"] == 1.0
    assert 0.9 < found[1]["similarity"] <= 1
    assert data.notes == []


def test_finds_and_notes_copies_of_training_images_in_another_folder(large, tmp_path):
    other = make_images(tmp_path / "other", {"test": (3, 3)}, size=96, seed=5)
    trained, checkpoint = trained_on(large)
    path = trained.files("train")[0]
    Image.open(path).resize((130, 130)).save(other / "test/NORMAL/IM-9999-0001.jpeg")
    found, data = scored(other, checkpoint)
    assert names(found) == [("near duplicate", "IM-9999-0001.jpeg", path.rpartition("/")[2], "training")]
    assert any("1 of 13 images duplicate a training image" in note for note in data.notes)


def test_notes_that_missing_training_images_were_not_compared(large, tmp_path):
    other = make_images(tmp_path / "other", {"test": (3, 3)}, size=96, seed=5)
    _, checkpoint = trained_on(large)
    shutil.rmtree(large)
    found, data = scored(other, checkpoint)
    assert found == []
    assert any("no longer there" in note for note in data.notes)


def test_small_images_are_compared_by_their_bytes_only(large):
    test = large / "test/PNEUMONIA"
    shutil.copy(test / "person700_virus_7001.jpeg", test / "person790_virus_1.jpeg")
    found, data = scored(large, trained_on(large, size=32)[1], size=32)
    assert [row["kind"] for row in found] == ["same file"]
    assert any("too coarse" in note for note in data.notes)


def test_finds_training_images_that_moved_with_the_scored_ones(large):
    trained, checkpoint = trained_on(large)
    path = trained.files("train")[0]
    Image.open(path).resize((120, 120)).save(large / "test/NORMAL/IM-9999-0001.jpeg")
    moved = large.rename(large.parent / "moved")
    found, data = scored(moved, checkpoint)
    assert names(found) == [("near duplicate", "IM-9999-0001.jpeg", path.rpartition("/")[2], "training")]
    assert not any("no longer there" in note for note in data.notes)
