"""Images in class folders are listed, or a one-line error says what is wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.data.dicoms import write_dicom

from xray.data.cache.hashing import FileDigests
from xray.data.index.base import ROOT_FOLDER
from xray.data.index.folders import index_images
from xray.data.index.patients import KERMANY_PATTERN
from xray.utils.errors import UserError

CLASSES = ("NORMAL", "PNEUMONIA")


def index(root, folders=("train",), class_names=CLASSES, pattern=KERMANY_PATTERN):
    return index_images(root, folders, class_names, pattern, FileDigests())


def rejection(root, **options):
    with pytest.raises(UserError) as info:
        index(root, **options)
    assert "\n" not in str(info.value)
    return str(info.value)


def put(path: Path, content: bytes = b"image") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def root(tmp_path):
    """The smallest data set, of files that are never decoded."""
    put(tmp_path / "data/train/NORMAL/IM-0115-0001.jpeg", b"one")
    put(tmp_path / "data/train/PNEUMONIA/person7_virus_12.jpeg", b"two")
    return tmp_path / "data"


def paths(images):
    return [image.path for image in images]


def test_index_has_path_class_and_patient_of_each_image(root):
    normal, pneumonia = index(root)
    assert (normal.path, normal.folder, normal.label) == ("train/NORMAL/IM-0115-0001.jpeg", "train", 0)
    assert (normal.patient, normal.group, normal.named) == ("IM-0115", "IM-0115", True)
    assert (pneumonia.path, pneumonia.label) == ("train/PNEUMONIA/person7_virus_12.jpeg", 1)
    assert (pneumonia.patient, pneumonia.group) == ("person7_virus", "person7")
    assert [image.label for image in index(root, class_names=CLASSES[::-1])] == [1, 0]


# Files


def test_lists_images_by_suffix_in_any_case(root):
    images = {"a.JPG", "b.Jpeg", "c.png", "d.TIF", "e.tiff", "f.dcm", "g.DICOM", "h.jfif", "i.jpe", "j.bmp", "k.webp"}
    others = {"notes.txt", "Thumbs.db", "jpeg", "e.jpeg.bak"}
    for name in images | others:
        put(root / "train/NORMAL" / name)
    (root / "train/NORMAL/folder.png").mkdir()
    assert {Path(path).name for path in paths(index(root)) if "NORMAL" in path} == images | {"IM-0115-0001.jpeg"}


def test_skips_hidden_files_and_folders_of_macos_archives(root):
    before = index(root)
    for name in (
        "train/NORMAL/._IM-0115-0001.jpeg",
        "train/NORMAL/.cache/IM-0116-0001.jpeg",
        "train/.hidden/IM-0116-0001.jpeg",
        "train/__MACOSX/NORMAL/._IM-0115-0001.jpeg",
        "__MACOSX/train/NORMAL/._IM-0115-0001.jpeg",
    ):
        put(root / name)
    assert index(root) == before


def test_hidden_folders_above_the_root_have_no_effect(root, tmp_path):
    shutil.move(root, tmp_path / ".cache" / "data")
    assert len(index(tmp_path / ".cache" / "data")) == 2


def test_lists_nested_folders_and_matches_the_pattern_with_them(root):
    put(root / "train/NORMAL/patient5/visit1/a.png")
    put(root / "train/NORMAL/patient5/visit2/a.png")
    nested = [image for image in index(root, pattern=r"^patient(?P<patient>\d+)/") if image.named]
    assert paths(nested) == ["train/NORMAL/patient5/visit1/a.png", "train/NORMAL/patient5/visit2/a.png"]
    assert {image.patient for image in nested} == {"5"}


def test_follows_links_to_images_and_class_folders(root, tmp_path):
    linked = tmp_path / "linked/train"
    (linked / "PNEUMONIA").mkdir(parents=True)
    (linked / "NORMAL").symlink_to(root / "train/NORMAL")
    image = "PNEUMONIA/person7_virus_12.jpeg"
    (linked / image).symlink_to(root / "train" / image)
    assert index(tmp_path / "linked") == index(root)


def test_follows_each_linked_folder_once(root, tmp_path):
    put(tmp_path / "elsewhere/person9_virus_1.jpeg")
    (root / "train/PNEUMONIA/more").symlink_to(tmp_path / "elsewhere")
    (root / "train/PNEUMONIA/round").symlink_to(root / "train/PNEUMONIA")
    assert [path for path in paths(index(root)) if "person9" in path] == ["train/PNEUMONIA/more/person9_virus_1.jpeg"]
    assert len(index(root)) == 3


def test_lists_a_broken_link(root, tmp_path):
    (root / "train/PNEUMONIA/person8_virus_1.jpeg").symlink_to(tmp_path / "gone.jpeg")
    assert "train/PNEUMONIA/person8_virus_1.jpeg" in paths(index(root))


def test_images_are_sorted_by_path(tmp_path):
    names = [f"train/{name}/{i}.png" for name in CLASSES for i in ("10", "9", "a/1", "a-1", "B", "b")]
    for name in names:
        put(tmp_path / "one" / name)
    for name in reversed(names):
        put(tmp_path / "two" / name)
    assert paths(index(tmp_path / "one")) == sorted(names)
    assert index(tmp_path / "one") == index(tmp_path / "two")


def test_reads_only_the_given_folders_in_any_order(images):
    assert {image.folder for image in index(images, ["train", "test"])} == {"train", "test"}
    assert len(index(images, ["val"])) == 8
    assert index(images, ["train", "val"]) == index(images, ["val", "train"])


def test_digests_are_equal_for_identical_files_except_empty_ones(root):
    put(root / "train/PNEUMONIA/copy.jpeg", b"one")
    put(root / "train/NORMAL/other.jpeg", b"onf")
    put(root / "train/NORMAL/empty1.jpeg", b"")
    put(root / "train/NORMAL/empty2.jpeg", b"")
    digests = {Path(image.path).name: image.digest for image in index(root)}
    assert digests["copy.jpeg"] == digests["IM-0115-0001.jpeg"]
    assert len(set(digests.values())) == len(digests) - 1


def test_finds_dicom_without_a_suffix_with_its_patient(root):
    for name, patient in (("train/NORMAL/DICOM/IM000001", "A7"), ("train/NORMAL/1.2.840.113", "A7")):
        write_dicom(root / name, PIXELS, PatientID=patient)
    found = [image for image in index(root) if image.patient == "train/NORMAL/1.2.840.113"]
    assert paths(found) == ["train/NORMAL/1.2.840.113", "train/NORMAL/DICOM/IM000001"]


def test_notes_name_what_is_left_out(root):
    for name in (
        *("train/NORMAL/a.txt", "train/PNEUMONIA/b.txt", "train/PNEUMONIA/c.mp4", "train/NORMAL/.d.txt"),
        *("train/e.png", "f.png", "README.md", "train/README.md"),
        *("extra/NORMAL/g.png", "extra/h.jpeg", "extra/i.txt", "__MACOSX/j.png", "figures/k.svg"),
    ):
        put(root / name)
    notes = []
    index_images(root, ["train"], CLASSES, KERMANY_PATTERN, FileDigests(), notes.append)
    assert notes == [
        f"Left out 3 files: 2 .txt, 1 .mp4 (in {root}/train).",
        f"Left out 1 image in {root}, outside the class folders NORMAL, PNEUMONIA.",
        f"Left out 1 image in {root}/train, outside the class folders NORMAL, PNEUMONIA.",
        f"Left out the folder {root}/extra (2 images): it is none of train, val and test.",
    ]


# Patients


def test_images_without_a_patient_are_their_own_patients(root):
    for name in ("train/NORMAL/1.png", "train/NORMAL/2.png", "train/PNEUMONIA/1.png"):
        put(root / name)
    unnamed = [image for image in index(root) if not image.named]
    assert [image.patient for image in unnamed] == [image.group for image in unnamed] == paths(unnamed)
    assert len(unnamed) == 3


PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def write_dicoms(root, **patient_ids):
    """Write DICOM images: for each path, with __ for / and without its suffix, the Patient ID."""
    for name, patient_id in patient_ids.items():
        write_dicom(root / (name.replace("__", "/") + ".dcm"), PIXELS, PatientID=patient_id)


def patients(images):
    return {image.path: image.patient for image in images if image.path.endswith(".dcm")}


def test_dicom_images_with_one_patient_id_are_named_by_their_first_path(root):
    write_dicoms(root, train__NORMAL__x="A7", train__PNEUMONIA__y="A7", train__NORMAL__z="B7", train__NORMAL__none="")
    images = index(root)
    assert patients(images) == {
        "train/NORMAL/none.dcm": "train/NORMAL/none.dcm",
        "train/NORMAL/x.dcm": "train/NORMAL/x.dcm",
        "train/NORMAL/z.dcm": "train/NORMAL/z.dcm",
        "train/PNEUMONIA/y.dcm": "train/NORMAL/x.dcm",
    }
    assert [image.path for image in images if not image.named] == ["train/NORMAL/none.dcm"]
    assert all(image.group == image.patient for image in images if image.path.endswith(".dcm"))
    assert "A7" not in str(images)


def test_a_dicom_patient_has_the_same_name_in_all_folders(root):
    write_dicoms(root, train__NORMAL__x="A7", test__NORMAL__y="A7", val__PNEUMONIA__z="A7", test__PNEUMONIA__w="B7")
    (root / "val/NORMAL").mkdir()
    everywhere = patients(index(root, ["train", "val", "test"]))
    assert everywhere["train/NORMAL/x.dcm"] == everywhere["val/PNEUMONIA/z.dcm"] == "test/NORMAL/y.dcm"
    for folder in ("train", "val", "test"):
        alone = patients(index(root, [folder]))
        assert alone
        assert alone.items() <= everywhere.items()


def test_file_names_take_precedence_over_dicom_tags(root):
    write_dicom(root / "train/NORMAL/IM-0200-0001.dcm", PIXELS, PatientID="A7")
    write_dicoms(root, train__NORMAL__x="A7")
    assert patients(index(root)) == {
        "train/NORMAL/IM-0200-0001.dcm": "IM-0200",
        "train/NORMAL/x.dcm": "train/NORMAL/x.dcm",
    }


def test_reads_dicom_tags_in_a_root_of_class_folders(tmp_path):
    write_dicoms(tmp_path, NORMAL__x="A7", PNEUMONIA__y="A7")
    assert set(patients(index(tmp_path, [ROOT_FOLDER])).values()) == {"NORMAL/x.dcm"}


def test_opens_no_other_files_for_dicom_tags(images, monkeypatch):
    monkeypatch.setattr("xray.data.index.dicom_patients.read_patient", lambda path: pytest.fail(f"{path} was opened"))
    assert len(index(images, ["train", "val", "test"], pattern="^(?P<patient>none)")) == 92


# Errors


def test_empty_class_folders_are_an_empty_index(tmp_path):
    for name in CLASSES:
        (tmp_path / "train" / name).mkdir(parents=True)
    assert index(tmp_path) == []


def test_rejects_a_missing_root(tmp_path):
    message = rejection(tmp_path / "nowhere")
    assert all(text in message for text in (str(tmp_path / "nowhere"), "does not exist", "--data.root"))
    assert "is a file" in rejection(put(tmp_path / "data.zip"))


@pytest.mark.parametrize(
    ("split", "name"), [("train", "Training"), ("val", "valid"), ("val", "dev"), ("test", "testing")]
)
def test_reads_the_usual_names_of_a_split(root, split, name):
    (root / "train").rename(root / name)
    images = index(root, [split])
    assert {image.folder for image in images} == {split}
    assert paths(images) == [f"{name}/NORMAL/IM-0115-0001.jpeg", f"{name}/PNEUMONIA/person7_virus_12.jpeg"]


def test_rejects_two_folders_of_one_split(root):
    (root / "training").mkdir()
    message = rejection(root)
    assert f"{root} holds train and training, both of them names of the train folder" in message


def test_rejects_a_missing_folder(root):
    (root / "Exam").mkdir()
    (root / ".hidden").mkdir()
    put(root / "test")
    message = rejection(root, folders=["train", "test"])
    assert "No folder test" in message
    assert "found: Exam, test, train)" in message


def test_rejects_an_empty_root(tmp_path):
    assert "found: nothing" in rejection(tmp_path)


def test_lists_only_some_of_many_folders(root):
    for i in range(20):
        (root / f"extra{i:02d}").mkdir()
    message = rejection(root, folders=["val"])
    assert "extra07 and 13 more" in message
    assert "extra08" not in message


def test_rejects_a_root_of_class_folders(root):
    message = rejection(root / "train")
    assert "holds the class folders NORMAL, PNEUMONIA itself" in message
    assert "above" in message


def test_rejects_a_missing_class_folder(root):
    shutil.rmtree(root / "train/NORMAL")
    put(root / "train/NORMAL")
    assert "found PNEUMONIA instead of the class folders NORMAL, PNEUMONIA" in rejection(root)
    shutil.rmtree(root / "train/PNEUMONIA")
    assert "found no folder" in rejection(root)


@pytest.mark.parametrize(("before", "after"), [(None, "COVID"), ("PNEUMONIA", "PNEUMONA"), ("NORMAL", "Normal")])
def test_rejects_an_unknown_class_folder(root, before, after):
    if before:
        (root / "train" / before).rename(root / "train" / after)
    else:
        (root / "train" / after).mkdir()
    message = rejection(root)
    assert after in message.partition("instead of")[0]
    assert "data.class_names" in message
