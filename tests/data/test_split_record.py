"""What a run writes down about its data can be read again, and tells one data set from another."""

import csv
import json
import os
import random
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xray.data.cache.hashing import FileDigests
from xray.data.datamodule import ChestXRayDataModule
from xray.data.index.folders import ImageRecord, index_images
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.split import find_overlaps
from xray.data.split_record import fingerprint, images_of_record, trained_images, write_split, write_summary
from xray.utils.errors import UserError

CLASSES = ("NORMAL", "PNEUMONIA")


def read_back(path):
    """The training rows of a split.csv."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return [
        ImageRecord(
            row["path"], "train", -1, row["patient"], row["group"], row["digest"], row["patient"] != row["path"]
        )
        for row in rows
    ]


def listed(root, *folders):
    return index_images(root, folders or ("train",), CLASSES, KERMANY_PATTERN, FileDigests())


def image(path, label=0, patient="p", group="g", digest="d", named=True):
    return ImageRecord(path, path.split("/")[0], label, patient, group, digest, named)


def test_split_is_a_table_with_one_row_for_each_image(tmp_path):
    splits = {
        "train": [
            image("train/NORMAL/a.png", 0, "IM-1", "IM-1", "01"),
            image("val/PNEUMONIA/b.png", 1, "p7_v", "p7", "02"),
        ],
        "val": [image("train/NORMAL/c.png", 0, "train/NORMAL/c.png", "train/NORMAL/c.png", "03", named=False)],
    }
    write_split(tmp_path / "split.csv", splits, CLASSES)
    assert (tmp_path / "split.csv").read_bytes().decode() == (
        "path,split,label,patient,group,digest\n"
        "train/NORMAL/a.png,train,NORMAL,IM-1,IM-1,01\n"
        "val/PNEUMONIA/b.png,train,PNEUMONIA,p7_v,p7,02\n"
        "train/NORMAL/c.png,val,NORMAL,train/NORMAL/c.png,train/NORMAL/c.png,03\n"
    )


def test_split_has_no_rows_without_images(tmp_path):
    write_split(tmp_path / "split.csv", {"train": [], "val": []}, CLASSES)
    assert (tmp_path / "split.csv").read_text().splitlines() == ["path,split,label,patient,group,digest"]
    assert read_back(tmp_path / "split.csv") == []


def test_trained_images_are_those_of_the_training_rows(images, tmp_path):
    train, other = listed(images, "train"), listed(images, "val")
    write_split(tmp_path / "split.csv", {"val": other, "train": train, "test": listed(images, "test")}, CLASSES)
    assert read_back(tmp_path / "split.csv") == [replace(known, label=-1) for known in train]


def test_trained_images_from_any_folder_count_as_training(tmp_path):
    write_split(tmp_path / "split.csv", {"train": [image("val/NORMAL/a.png")]}, CLASSES)
    assert [found.folder for found in read_back(tmp_path / "split.csv")] == ["train"]


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=20)


@settings(max_examples=60)
@given(names=st.lists(NAMES, unique=True, max_size=6), named=st.booleans())
def test_names_of_any_kind_come_back_as_they_were(tmp_path_factory, names, named):
    path = tmp_path_factory.mktemp("record") / "split.csv"
    images = [
        image(where, -1, *(f"{name}é", f"{name},") if named else (where, where), "d", named)
        for name in names
        for where in [f"train/NORMAL/{name}"]
    ]
    write_split(path, {"train": [replace(known, label=0) for known in images]}, CLASSES)
    assert read_back(path) == images


@pytest.mark.parametrize("name", ['a,"b".png', "two\nlines.png", "tab\t.png", " spaces ", "ä–漢.png"])
def test_awkward_names_come_back_as_they_were(tmp_path, name):
    images = [image(f"train/NORMAL/{name}", -1)]
    write_split(tmp_path / "split.csv", {"train": [replace(images[0], label=0)]}, CLASSES)
    assert read_back(tmp_path / "split.csv") == images


def test_names_that_are_no_unicode_come_back_as_they_were(images, tmp_path):
    # An archive packed elsewhere can leave such bytes in a name.
    odd = os.fsencode(images / "train/NORMAL") + b"/M\xfcller-1.jpeg"
    try:
        shutil.copy(next((images / "train/NORMAL").glob("*.jpeg")), odd)
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    train = listed(images)
    write_split(tmp_path / "split.csv", {"train": train}, CLASSES)
    assert read_back(tmp_path / "split.csv") == [replace(known, label=-1) for known in train]


def test_images_the_weights_have_seen_are_recognised_after_the_folders_were_changed(images):
    record = trained_images(SimpleNamespace(images={"train": listed(images)}, trained_before=[]))
    trained = images_of_record(record)
    assert find_overlaps(trained, listed(images, "test")) == []
    moved = sorted((images / "train/PNEUMONIA").iterdir())[0]
    moved.rename(images / "test/PNEUMONIA/renamed.jpeg")
    (overlap,) = find_overlaps(trained, listed(images, "test"))
    assert overlap == f"test/PNEUMONIA/renamed.jpeg is the same file as train/PNEUMONIA/{moved.name}"


def test_images_seen_before_a_resume_are_remembered_once():
    before, now = image("train/a", patient="a", digest="1"), image("train/b", patient="b", digest="2")
    data = SimpleNamespace(images={"train": [before, now]}, trained_before=[before])
    seen = images_of_record(trained_images(data))
    assert [(known.path, known.patient, known.digest) for known in seen] == [
        ("train/a", "a", "1"),
        ("train/b", "b", "2"),
    ]


def test_images_without_a_patient_stay_without_one():
    data = SimpleNamespace(images={"train": [image("train/a", patient="train/a", named=False)]}, trained_before=[])
    assert [known.named for known in images_of_record(trained_images(data))] == [False]


def test_folders_of_a_record_are_made(tmp_path):
    write_split(tmp_path / "not" / "yet" / "split.csv", {}, CLASSES)
    assert (tmp_path / "not" / "yet" / "split.csv").is_file()
    assert [path.name for path in (tmp_path / "not" / "yet").iterdir()] == ["split.csv"]


def test_a_record_that_cannot_be_written_is_a_complaint_with_its_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"split\.csv cannot be written"):
        write_split(tmp_path / "file" / "split.csv", {}, CLASSES)


@pytest.fixture
def data(images):
    data = ChestXRayDataModule(root=images, image_size=16, validation="folder")
    data.setup("fit")
    data.setup("test")
    return data


def summary(data, path):
    write_summary(path / "data.json", data)
    return json.loads((path / "data.json").read_text())


def test_summary_counts_images_patients_and_classes_of_each_split(data, images, tmp_path):
    found = summary(data, tmp_path)
    assert (found["root"], found["validation"], found["notes"]) == (str(images), "folder", [])
    counts = {split: (v["images"], v["patients"], v["images_by_class"]) for split, v in found["splits"].items()}
    assert counts == {
        "train": (56, 28, {"NORMAL": 24, "PNEUMONIA": 32}),
        "val": (8, 4, {"NORMAL": 4, "PNEUMONIA": 4}),
        "test": (28, 14, {"NORMAL": 12, "PNEUMONIA": 16}),
    }
    assert len({split["fingerprint"] for split in found["splits"].values()}) == 3


def test_summary_holds_only_what_was_set_up(images, tmp_path):
    data = ChestXRayDataModule(root=images, image_size=16)
    data.setup("test")
    assert list(summary(data, tmp_path)["splits"]) == ["test"]


def test_summary_repeats_the_notes(data, tmp_path):
    data.notes.append("Left out 2 images: “ä”")
    assert summary(data, tmp_path)["notes"] == ["Left out 2 images: “ä”"]


def test_summary_ends_with_a_line_end_and_is_laid_out_for_people(data, tmp_path):
    write_summary(tmp_path / "data.json", data)
    text = (tmp_path / "data.json").read_text()
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 20


def test_fingerprint_depends_neither_on_order_nor_on_place(images, tmp_path):
    one = listed(images)
    shuffled = random.Random(0).sample(one, len(one))
    assert fingerprint(shuffled) == fingerprint(one)
    shutil.copytree(images / "train", tmp_path / "elsewhere" / "train")
    assert fingerprint(listed(tmp_path / "elsewhere")) == fingerprint(one)


def test_fingerprint_does_not_depend_on_names(images):
    before = fingerprint(listed(images))
    for i, path in enumerate(sorted((images / "train").rglob("*.jpeg"))):
        path.rename(path.with_name(f"{i}.jpeg"))
    assert fingerprint(listed(images)) == before


def test_fingerprint_changes_with_a_label(images):
    before = fingerprint(listed(images))
    path = sorted((images / "train/NORMAL").iterdir())[0]
    path.rename(images / "train/PNEUMONIA" / path.name)
    assert fingerprint(listed(images)) != before


def test_fingerprint_changes_with_the_content_of_one_image(images):
    before = fingerprint(listed(images))
    path = sorted((images / "train/NORMAL").iterdir())[0]
    path.write_bytes(path.read_bytes() + b"\0")
    assert fingerprint(listed(images)) != before


def test_fingerprint_changes_with_an_image_more_and_with_a_copy(images):
    before = fingerprint(listed(images))
    path = sorted((images / "train/NORMAL").iterdir())[0]
    shutil.copy(path, path.with_name("copy.jpeg"))
    with_copy = fingerprint(listed(images))
    path.with_name("copy.jpeg").unlink()
    path.unlink()
    assert len({before, with_copy, fingerprint(listed(images))}) == 3


def test_fingerprint_tells_swapped_labels_apart():
    one = [image("a", 0, digest="1"), image("b", 1, digest="2")]
    other = [image("a", 1, digest="1"), image("b", 0, digest="2")]
    assert fingerprint(one) != fingerprint(other)


def test_real_split_is_written_and_read_again(real_images, tmp_path):
    train, val = listed(real_images, "test"), listed(real_images, "val")
    write_split(tmp_path / "split.csv", {"train": train, "val": val}, CLASSES)
    with (tmp_path / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 186 + 373 + 16
    assert all((real_images / row["path"]).is_file() for row in rows)
    assert all(row["label"] in row["path"].split("/") for row in rows)
    assert read_back(tmp_path / "split.csv") == [replace(known, folder="train", label=-1) for known in train]
