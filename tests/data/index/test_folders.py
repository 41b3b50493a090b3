"""A folder of class folders becomes one table, or one line that says what is wrong with it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.data.dicoms import write_dicom

from xray.data.cache.hashing import FileDigests
from xray.data.index.folders import WHOLE, image_names, index_images
from xray.data.index.patients import KERMANY_PATTERN
from xray.utils.errors import UserError

CLASSES = ("NORMAL", "PNEUMONIA")


def index(root, folders=("train",), class_names=CLASSES, pattern=KERMANY_PATTERN):
    return index_images(root, folders, class_names, pattern, FileDigests())


def complaint(root, **options):
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
    """The least that is a data set, with files that nobody decodes."""
    put(tmp_path / "data/train/NORMAL/IM-0115-0001.jpeg", b"one")
    put(tmp_path / "data/train/PNEUMONIA/person7_virus_12.jpeg", b"two")
    return tmp_path / "data"


def paths(images):
    return [image.path for image in images]


def test_table_tells_place_class_and_patient_of_each_image(root):
    normal, pneumonia = index(root)
    assert (normal.path, normal.folder, normal.label) == ("train/NORMAL/IM-0115-0001.jpeg", "train", 0)
    assert (normal.patient, normal.group, normal.named) == ("IM-0115", "IM-0115", True)
    assert (pneumonia.path, pneumonia.label) == ("train/PNEUMONIA/person7_virus_12.jpeg", 1)
    assert (pneumonia.patient, pneumonia.group) == ("person7_virus", "person7")


def test_class_names_say_which_class_is_positive(root):
    assert [image.label for image in index(root, class_names=CLASSES[::-1])] == [1, 0]


def test_only_the_folders_asked_for_are_read(images):
    assert {image.folder for image in index(images, ["train", "test"])} == {"train", "test"}
    assert len(index(images, ["val"])) == 8


def test_every_real_image_is_listed(real_images):
    found = index(real_images, ["val", "test"])
    assert paths(found) == sorted(
        path.relative_to(real_images).as_posix()
        for folder in ("val", "test")
        for path in real_images.glob(f"{folder}/*/*")
    )
    assert all(image.named for image in found)


def test_suffixes_of_any_case_are_images_and_other_files_are_not(root):
    others = ("notes.txt", "Thumbs.db", "jpeg", "e.jpeg.bak")
    for name in ("a.JPG", "b.Jpeg", "c.png", "d.PNG", "f.dcm", "g.DICOM", *others):
        put(root / "train/NORMAL" / name)
    assert {Path(path).name for path in paths(index(root))} == {
        *("a.JPG", "b.Jpeg", "c.png", "d.PNG", "f.dcm", "g.DICOM", "IM-0115-0001.jpeg", "person7_virus_12.jpeg")
    }


def test_hidden_files_and_what_the_archive_of_a_mac_adds_are_passed_over(root):
    before = index(root)
    for name in (
        "train/.DS_Store",
        "train/NORMAL/.DS_Store",
        "train/NORMAL/._IM-0115-0001.jpeg",
        "train/NORMAL/.cache/IM-0116-0001.jpeg",
        "train/.hidden/IM-0116-0001.jpeg",
        "train/__MACOSX/NORMAL/._IM-0115-0001.jpeg",
        "train/NORMAL/__MACOSX/._IM-0115-0001.jpeg",
        "__MACOSX/train/NORMAL/._IM-0115-0001.jpeg",
    ):
        put(root / name)
    assert index(root) == before


def test_hidden_folders_above_the_root_hide_nothing(root, tmp_path):
    shutil.move(root, tmp_path / ".cache" / "data")
    assert len(index(tmp_path / ".cache" / "data")) == 2


def test_images_in_nested_folders_are_found_and_a_pattern_sees_the_folders(root):
    put(root / "train/NORMAL/patient5/visit1/a.png")
    put(root / "train/NORMAL/patient5/visit2/a.png")
    nested = [image for image in index(root, pattern=r"^patient(?P<patient>\d+)/") if image.named]
    assert paths(nested) == ["train/NORMAL/patient5/visit1/a.png", "train/NORMAL/patient5/visit2/a.png"]
    assert {image.patient for image in nested} == {"5"}


def test_a_folder_with_the_suffix_of_an_image_is_no_image(root):
    (root / "train/NORMAL/folder.png").mkdir()
    assert len(index(root)) == 2


def test_linked_images_and_class_folders_are_read(root, tmp_path):
    (tmp_path / "linked/train").mkdir(parents=True)
    (tmp_path / "linked/train/NORMAL").symlink_to(root / "train/NORMAL")
    (tmp_path / "linked/train/PNEUMONIA").mkdir()
    (tmp_path / "linked/train/PNEUMONIA/person7_virus_12.jpeg").symlink_to(
        root / "train/PNEUMONIA/person7_virus_12.jpeg"
    )
    assert index(tmp_path / "linked") == index(root)


def test_links_to_folders_are_followed_each_once(root, tmp_path):
    put(tmp_path / "elsewhere/person9_virus_1.jpeg")
    (root / "train/PNEUMONIA/more").symlink_to(tmp_path / "elsewhere")
    (root / "train/PNEUMONIA/round").symlink_to(root / "train/PNEUMONIA")
    assert [path for path in paths(index(root)) if "person9" in path] == ["train/PNEUMONIA/more/person9_virus_1.jpeg"]
    assert len(index(root)) == 3


def test_a_link_that_leads_nowhere_is_an_image_that_cannot_be_read(root, tmp_path):
    (root / "train/PNEUMONIA/person8_virus_1.jpeg").symlink_to(tmp_path / "gone.jpeg")
    assert "train/PNEUMONIA/person8_virus_1.jpeg" in paths(index(root))


def test_order_is_that_of_the_paths_whatever_was_written_first(tmp_path):
    names = [f"train/{name}/{i}.png" for name in CLASSES for i in ("10", "9", "a/1", "a-1", "B", "b")]
    for name in names:
        put(tmp_path / "one" / name)
    for name in reversed(names):
        put(tmp_path / "two" / name)
    assert paths(index(tmp_path / "one")) == sorted(names)
    assert index(tmp_path / "one") == index(tmp_path / "two")


def test_order_does_not_depend_on_the_order_of_the_folders_asked_for(images):
    assert index(images, ["train", "val"]) == index(images, ["val", "train"])


def test_digests_are_equal_exactly_for_identical_bytes(root):
    put(root / "train/PNEUMONIA/copy_of_normal.jpeg", b"one")
    put(root / "train/NORMAL/other.jpeg", b"onf")
    put(root / "train/NORMAL/longer.jpeg", b"one\0")
    digests = {Path(image.path).name: image.digest for image in index(root)}
    assert digests["copy_of_normal.jpeg"] == digests["IM-0115-0001.jpeg"]
    assert len(set(digests.values())) == 4


def test_empty_files_are_copies_neither_of_one_another_nor_of_an_image(root):
    for name in ("train/NORMAL/1.png", "train/NORMAL/2.png", "train/PNEUMONIA/1.png", "test/NORMAL/1.png"):
        put(root / name, b"")
    (root / "test/PNEUMONIA").mkdir()
    assert len({image.digest for image in index(root, ["train", "test"])}) == 6


def test_many_different_files_have_different_digests(root):
    for i in range(200):
        put(root / f"train/NORMAL/{i}.png", str(i).encode())
    assert len({image.digest for image in index(root)}) == 202


def test_digest_depends_on_the_whole_file(root):
    block = bytes(1_000_000)
    put(root / "train/NORMAL/a.png", block + b"a")
    put(root / "train/NORMAL/b.png", block + b"b")
    a, b = (image for image in index(root) if not image.named)
    assert a.digest != b.digest


def test_images_without_a_recognisable_name_are_each_their_own_patient(root):
    for name in ("train/NORMAL/1.png", "train/NORMAL/2.png", "train/PNEUMONIA/1.png"):
        put(root / name)
    unnamed = [image for image in index(root) if not image.named]
    assert [image.patient for image in unnamed] == [image.group for image in unnamed] == paths(unnamed)
    assert len({image.patient for image in unnamed}) == 3


PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def dicoms(root, **identities):
    """Write DICOM images: for each path, with __ for / and without its suffix, the Patient ID."""
    for name, identity in identities.items():
        path = root / (name.replace("__", "/") + ".dcm")
        write_dicom(path, PIXELS, PatientID=identity)


def patients(images):
    return {image.path: image.patient for image in images if image.path.endswith(".dcm")}


def test_dicom_images_with_one_identity_are_of_one_patient_called_by_the_first_image(root):
    dicoms(root, train__NORMAL__x="A7", train__PNEUMONIA__y="A7", train__NORMAL__z="B7", train__NORMAL__none="")
    images = index(root)
    assert patients(images) == {
        "train/NORMAL/none.dcm": "train/NORMAL/none.dcm",
        "train/NORMAL/x.dcm": "train/NORMAL/x.dcm",
        "train/NORMAL/z.dcm": "train/NORMAL/z.dcm",
        "train/PNEUMONIA/y.dcm": "train/NORMAL/x.dcm",
    }
    named = {image.path: image.named for image in images if image.path.endswith(".dcm")}
    assert [path for path, told in named.items() if not told] == ["train/NORMAL/none.dcm"]
    assert all(image.group == image.patient for image in images if image.path.endswith(".dcm"))
    assert "A7" not in str(images)


def test_a_patient_of_dicom_images_has_one_name_whichever_folders_are_read(root):
    dicoms(root, train__NORMAL__x="A7", test__NORMAL__y="A7", val__PNEUMONIA__z="A7", test__PNEUMONIA__w="B7")
    for name in CLASSES:
        for folder in ("val", "test"):
            (root / folder / name).mkdir(parents=True, exist_ok=True)
    everywhere = patients(index(root, ["train", "val", "test"]))
    assert everywhere["train/NORMAL/x.dcm"] == everywhere["val/PNEUMONIA/z.dcm"] == "test/NORMAL/y.dcm"
    for folder in ("train", "val", "test"):
        alone = patients(index(root, [folder]))
        assert alone
        assert alone.items() <= everywhere.items()


def test_a_name_that_tells_the_patient_goes_before_the_tags(root):
    write_dicom(root / "train/NORMAL/IM-0200-0001.dcm", PIXELS, PatientID="A7")
    dicoms(root, train__NORMAL__x="A7")
    found = patients(index(root))
    assert found["train/NORMAL/IM-0200-0001.dcm"] == "IM-0200"
    assert found["train/NORMAL/x.dcm"] == "train/NORMAL/x.dcm"


def test_a_root_that_holds_the_classes_itself_is_read_by_tags_too(tmp_path):
    dicoms(tmp_path, NORMAL__x="A7", PNEUMONIA__y="A7")
    assert set(patients(index(tmp_path, [WHOLE])).values()) == {"NORMAL/x.dcm"}


def test_no_file_is_opened_for_its_tags_without_a_suffix_of_dicom(images, monkeypatch):
    monkeypatch.setattr("xray.data.index.dicom_patients.read_patient", lambda path: pytest.fail(f"{path} was opened"))
    assert len(index(images, ["train", "val", "test"], pattern="^(?P<patient>none)")) == 92


def test_class_folders_without_images_are_an_empty_table(tmp_path):
    for name in CLASSES:
        (tmp_path / "train" / name).mkdir(parents=True)
    assert index(tmp_path) == []


def test_missing_root_is_rejected_with_its_name(tmp_path):
    message = complaint(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in message
    assert "does not exist" in message
    assert "--data.root" in message


def test_file_as_root_is_rejected(tmp_path):
    assert "is a file" in complaint(put(tmp_path / "data.zip"))


def test_missing_folder_is_rejected_with_what_is_there(root):
    (root / "Testing").mkdir()
    (root / ".hidden").mkdir()
    message = complaint(root, folders=["train", "test"])
    assert "No folder test" in message
    assert "found: Testing, train)" in message


def test_missing_folder_in_an_empty_root_is_rejected(tmp_path):
    assert "found: nothing" in complaint(tmp_path)


def test_file_in_place_of_a_folder_is_rejected(root):
    put(root / "test")
    assert "No folder test" in complaint(root, folders=["test"])


def test_long_listings_are_cut(root):
    for i in range(20):
        (root / f"extra{i:02d}").mkdir()
    message = complaint(root, folders=["val"])
    assert "extra07 and 13 more" in message
    assert "extra08" not in message


def test_root_that_holds_the_classes_itself_is_told_to_go_up(root):
    message = complaint(root / "train")
    assert "class folders NORMAL, PNEUMONIA themselves" in message
    assert "above" in message


def test_missing_class_is_rejected_with_what_is_there(root):
    shutil.rmtree(root / "train/NORMAL")
    message = complaint(root)
    assert "no class folder NORMAL" in message
    assert "Found: PNEUMONIA;" in message
    assert "rename" not in message


def test_folder_without_class_folders_is_rejected(tmp_path):
    put(tmp_path / "train/IM-0115-0001.jpeg")
    assert "Found: no folder" in complaint(tmp_path)


def test_extra_class_is_rejected_rather_than_left_out(root):
    put(root / "train/COVID/a.png")
    message = complaint(root)
    assert "COVID is no class" in message
    assert "Found: COVID, NORMAL, PNEUMONIA; expected by data.class_names: NORMAL, PNEUMONIA." in message


@pytest.mark.parametrize(
    ("written", "meant"),
    [("PNEUMONA", "PNEUMONIA"), ("pneumonia", "PNEUMONIA"), ("Normal", "NORMAL"), ("NORMALS", "NORMAL")],
)
def test_misspelt_class_is_rejected_with_the_name_that_was_meant(root, written, meant):
    (root / "train" / meant).rename(root / "train" / written)
    message = complaint(root)
    assert f"{written} is no class (rename it to {meant}?)" in message
    assert f"no class folder {meant}" in message


def test_file_in_place_of_a_class_folder_is_rejected(root):
    shutil.rmtree(root / "train/NORMAL")
    put(root / "train/NORMAL")
    assert "no class folder NORMAL" in complaint(root)


def test_bad_pattern_is_rejected_before_files_are_read(root):
    assert "regular expression" in complaint(root, pattern="(")


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    def reject(top, onerror=None, followlinks=False):
        onerror(PermissionError(13, "Permission denied", f"{top}/locked"))
        return iter(())

    monkeypatch.setattr("xray.data.index.folders.os.walk", reject)
    with pytest.raises(UserError, match=r"locked cannot be read \(Permission denied\)"):
        image_names(tmp_path)
