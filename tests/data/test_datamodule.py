"""The data module splits folders by patient, or rejects them with a reason."""

import shutil
import warnings
from collections import Counter

import pytest
import torch

from tests.data.datamodules import CLASSES, files, paths, rejection, set_up, values

# Splits


@pytest.mark.parametrize(
    ("stage", "splits"),
    [("fit", {"train", "val"}), ("validate", {"train", "val"}), ("test", {"test"}), ("predict", {"test"})],
)
def test_each_stage_sets_up_the_splits_it_needs(images, stage, splits):
    assert set(set_up(images, stage).images) == splits


def test_a_second_setup_keeps_the_splits(images):
    data = set_up(images)
    before = dict(data.images)
    shutil.rmtree(images / "train")
    data.setup("fit")
    data.setup("validate")
    assert all(data.images[split] is before[split] for split in before)


def test_clean_images_give_no_notes_and_no_warnings(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = set_up(images)
        data.setup("test")
    assert data.notes == []


@pytest.mark.parametrize("validation", ["random", "blocks"])
def test_train_and_val_folders_are_pooled_and_split_by_patient(images, validation):
    data = set_up(images, validation=validation)
    train, val = data.images["train"], data.images["val"]
    assert paths(train) | paths(val) == files(images, "train", "val")
    assert not values(train, "group") & values(val, "group")
    # A fifth of 28 and of 36 images, in patients of two.
    assert Counter(image.label for image in val) == {0: pytest.approx(5.6, abs=2), 1: pytest.approx(7.2, abs=2)}
    assert data.class_counts == tuple(sum(f"/{name}/" in image.path for image in train) for name in CLASSES)
    assert all(data.images[split] == sorted(data.images[split], key=lambda image: image.path) for split in data.images)


def test_validation_folder_uses_the_val_folder(images):
    data = set_up(images, validation="folder")
    assert paths(data.images["train"]) == files(images, "train")
    assert paths(data.images["val"]) == files(images, "val")
    assert data.class_counts == (24, 32)


def test_split_depends_only_on_its_own_seed(images):
    torch.manual_seed(1)
    data = set_up(images, split_seed=5)
    torch.manual_seed(2)
    assert set_up(images, split_seed=5).images == data.images
    assert any(set_up(images, split_seed=seed).images != data.images for seed in range(3))


# Missing folders and classes


def test_val_folder_may_be_missing_unless_it_is_used(images):
    shutil.rmtree(images / "val")
    data = set_up(images)
    assert paths(data.images["train"]) | paths(data.images["val"]) == files(images, "train")
    assert "No folder val" in rejection(images, validation="folder")


@pytest.mark.parametrize("stage", ["fit", "validate"])
def test_test_folder_may_be_missing_while_training(images, stage):
    shutil.rmtree(images / "test")
    assert set_up(images, stage).images["train"]
    assert "No folder test" in rejection(images, "test")


def test_testing_needs_no_other_folder(images):
    shutil.rmtree(images / "train")
    shutil.rmtree(images / "val")
    assert paths(set_up(images, "test").images["test"]) == files(images, "test")


def test_a_root_of_class_folders_is_tested_but_not_trained_on(make):
    root = make("other", seed=5) / "test"
    data = set_up(root, "test")
    assert sorted(data.files("test")) == sorted(str(path) for path in root.glob("*/*.jpeg"))
    assert values(data.images["test"], "patient") == values(set_up(root.parent, "test").images["test"], "patient")
    assert data.train_and_val_images == []
    assert "holds the class folders" in rejection(root, "fit")


@pytest.mark.parametrize(
    ("folder", "stage", "validation"),
    [("train", "fit", "folder"), ("val", "fit", "folder"), ("val", "validate", "folder"), ("test", "test", "random")],
)
def test_rejects_an_empty_class_folder(images, folder, stage, validation):
    for path in (images / folder / "NORMAL").iterdir():
        path.unlink()
    assert f"class NORMAL for {folder}" in rejection(images, stage, validation=validation)


def test_rejects_a_class_without_images_in_train_and_val(images):
    for folder in ("train", "val"):
        for path in (images / folder / "PNEUMONIA").iterdir():
            path.unlink()
    assert "class PNEUMONIA" in rejection(images)


# Patients


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_names_without_a_patient_are_noted_once(images, validation):
    for i, path in enumerate(sorted(images.rglob("*.jpeg"))):
        path.rename(path.with_name(f"image{i}.jpeg"))
    with warnings.catch_warnings(record=True) as caught:
        data = set_up(images, validation=validation)
        data.setup("test")
    assert sum("no recognisable patient" in str(warning.message) for warning in caught) == 1
    (note,) = data.notes
    assert "64 of 64 images" in note
    assert "data.patient_pattern" in note
    assert values(data.images["train"], "patient") == paths(data.images["train"])


def test_patient_pattern_is_used(images):
    # Four images per patient, across folders and classes.
    for i, path in enumerate(sorted(images.rglob("*.jpeg"))):
        path.rename(path.with_name(f"{i // 4:05d}_{i}.jpeg"))
    data = set_up(images, patient_pattern=r"^(?P<patient>\d+)_")
    assert data.notes == []
    assert not values(data.images["train"], "patient") & values(data.images["val"], "patient")
    assert "patient_pattern" in rejection(images, patient_pattern="(")


@pytest.mark.parametrize("name", ["valid", "Validation", "dev"])
def test_the_val_folder_may_have_another_usual_name(images, name):
    (images / "val").rename(images / name)
    data = set_up(images, validation="folder")
    assert paths(data.images["val"]) == files(images, name)
    assert values(data.images["val"], "folder") == {"val"}
    assert data.notes == []


def test_what_is_left_out_is_a_note_of_the_run(images):
    for place in ("train/NORMAL/a.txt", "test/NORMAL/b.mp4", "test/NORMAL/Thumbs.db"):
        (images / place).touch()
    with pytest.warns(UserWarning, match="Left out"):
        data = set_up(images)
    # The test folder is indexed to look for shared patients and files.
    assert data.notes == [
        f"Left out 1 file: 1 .txt (in {images}/train).",
        f"Left out 1 file: 1 .mp4 (in {images}/test).",
    ]
