"""Records of a run's data can be read again, and its fingerprint identifies the data."""

import csv
import json
import os
import random
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xray.data.cache.hashing import FileDigests
from xray.data.datamodule import ChestXRayDataModule
from xray.data.index.base import ImageRecord
from xray.data.index.folders import index_images
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.split import find_overlaps
from xray.data.split_record import (
    fingerprint,
    images_from_json,
    split_sizes,
    trained_images_json,
    write_split,
    write_summary,
)

CLASSES = ("NORMAL", "PNEUMONIA")


def read_train_rows(path):
    """Return the training images in a split.csv, without labels."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return [
        ImageRecord(
            row["path"], "train", -1, row["patient"], row["group"], row["digest"], row["patient"] != row["path"]
        )
        for row in rows
    ]


def index(root, *folders):
    return index_images(root, folders or ("train",), CLASSES, KERMANY_PATTERN, FileDigests())


def image(path, label=0, patient="p", group="g", digest="d", named=True):
    return ImageRecord(path, path.split("/")[0], label, patient, group, digest, named)


def test_split_has_one_row_per_image(tmp_path):
    splits = {
        "train": [
            image("train/NORMAL/a.png", 0, "IM-1", "IM-1", "01"),
            image("val/PNEUMONIA/b.png", 1, "p7_v", "p7", "02"),
        ],
        "test": [],
        "val": [image("train/NORMAL/c.png", 0, "train/NORMAL/c.png", "train/NORMAL/c.png", "03", named=False)],
    }
    write_split(tmp_path / "new" / "split.csv", splits, CLASSES)
    assert (tmp_path / "new" / "split.csv").read_bytes().decode() == (
        "path,split,label,patient,group,digest\n"
        "train/NORMAL/a.png,train,NORMAL,IM-1,IM-1,01\n"
        "val/PNEUMONIA/b.png,train,PNEUMONIA,p7_v,p7,02\n"
        "train/NORMAL/c.png,val,NORMAL,train/NORMAL/c.png,train/NORMAL/c.png,03\n"
    )


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0\r"), min_size=1, max_size=20)


@settings(max_examples=60)
@example(names=['a,"b".png', "two\nlines.png", "tab\t.png", " spaces ", "ä–漢.png"], named=True)
@given(names=st.lists(NAMES, unique=True, max_size=6), named=st.booleans())
def test_file_names_of_any_kind_are_preserved(tmp_path_factory, names, named):
    split_csv = tmp_path_factory.mktemp("record") / "split.csv"
    images = [
        image(path, -1, *(f"{name}é", f"{name},") if named else (path, path), "d", named)
        for name in names
        for path in [f"train/NORMAL/{name}"]
    ]
    write_split(split_csv, {"train": [replace(known, label=0) for known in images]}, CLASSES)
    assert read_train_rows(split_csv) == images


def test_file_names_need_not_be_unicode(images, tmp_path):
    # Unpacked archives from other systems can contain such names.
    odd = os.fsencode(images / "train/NORMAL") + b"/M\xfcller-1.jpeg"
    try:
        shutil.copy(next((images / "train/NORMAL").glob("*.jpeg")), odd)
    except OSError:
        pytest.skip("this file system supports only Unicode names")
    train = index(images)
    write_split(tmp_path / "split.csv", {"train": train}, CLASSES)
    assert read_train_rows(tmp_path / "split.csv") == [replace(known, label=-1) for known in train]


def test_training_images_are_recognised_after_they_were_moved(images):
    record = trained_images_json(SimpleNamespace(images={"train": index(images)}, trained_before=[]))
    trained = images_from_json(record)
    assert find_overlaps(trained, index(images, "test")) == []
    moved = sorted((images / "train/PNEUMONIA").iterdir())[0]
    moved.rename(images / "test/PNEUMONIA/renamed.jpeg")
    (overlap,) = find_overlaps(trained, index(images, "test"))
    assert overlap == f"test/PNEUMONIA/renamed.jpeg is the same file as train/PNEUMONIA/{moved.name}"


def test_images_trained_on_before_a_resume_are_listed_once():
    before = image("train/a", patient="a", digest="1")
    now = image("train/b", patient="train/b", digest="2", named=False)
    data = SimpleNamespace(images={"train": [before, now]}, trained_before=[before])
    trained = images_from_json(trained_images_json(data))
    assert trained == [replace(known, label=-1) for known in (before, now)]


@pytest.fixture
def data(images):
    data = ChestXRayDataModule(root=images, image_size=16, validation="folder")
    data.setup("fit")
    data.setup("test")
    return data


def summary(data, path):
    write_summary(path / "data.json", data)
    text = (path / "data.json").read_text()
    assert text.endswith("}\n")
    return json.loads(text)


def test_summary_has_counts_of_each_split_and_notes(data, images, tmp_path):
    data.notes.append("Left out 2 images: “ä”")
    result = summary(data, tmp_path)
    assert (result["root"], result["validation"]) == (str(images), "folder")
    assert result["notes"] == ["Left out 2 images: “ä”"]
    counts = {split: (v["images"], v["patients"], v["images_by_class"]) for split, v in result["splits"].items()}
    assert counts == {
        "train": (56, 28, {"NORMAL": 24, "PNEUMONIA": 32}),
        "val": (8, 4, {"NORMAL": 4, "PNEUMONIA": 4}),
        "test": (28, 14, {"NORMAL": 12, "PNEUMONIA": 16}),
    }
    assert len({split["fingerprint"] for split in result["splits"].values()}) == 3


def test_summary_has_only_splits_that_were_set_up(images, tmp_path):
    data = ChestXRayDataModule(root=images, image_size=16)
    data.setup("test")
    assert list(summary(data, tmp_path)["splits"]) == ["test"]


def test_fingerprint_is_independent_of_order_names_and_location(images, tmp_path):
    original = index(images)
    assert fingerprint(random.Random(0).sample(original, len(original))) == fingerprint(original)
    shutil.copytree(images / "train", tmp_path / "elsewhere" / "train")
    for i, path in enumerate(sorted((tmp_path / "elsewhere").rglob("*.jpeg"))):
        path.rename(path.with_name(f"{i}.jpeg"))
    assert fingerprint(index(tmp_path / "elsewhere")) == fingerprint(original)


def test_fingerprint_changes_with_a_label(images):
    before = fingerprint(index(images))
    path = sorted((images / "train/NORMAL").iterdir())[0]
    path.rename(images / "train/PNEUMONIA" / path.name)
    assert fingerprint(index(images)) != before


def test_fingerprint_changes_with_content_copies_and_missing_images(images):
    before = fingerprint(index(images))
    path = sorted((images / "train/NORMAL").iterdir())[0]
    shutil.copy(path, path.with_name("copy.jpeg"))
    with_copy = fingerprint(index(images))
    path.with_name("copy.jpeg").unlink()
    path.write_bytes(path.read_bytes() + b"\0")
    with_change = fingerprint(index(images))
    path.unlink()
    assert len({before, with_copy, with_change, fingerprint(index(images))}) == 4


def test_split_sizes_count_images_and_patients():
    images = [ImageRecord(f"{name}.png", "train", 0, name[0], name[0], name, named=True) for name in ("a1", "a2", "b1")]
    data = SimpleNamespace(source_name="labels.csv", recorded_splits={"train": images[:2], "val": images[2:]})
    assert split_sizes(data) == "Images of labels.csv: 2 (1 patient) for training, 1 (1 patient) for validation"
