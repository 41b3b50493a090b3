"""Listing the images of a folder in any layout, and findings about files that no run reads."""

import shutil

import numpy as np
import pytest
from PIL import Image
from tests.audit.conftest import CLASSES, files_of
from tests.conftest import make_images
from tests.data.dicoms import write_dicom

from xray.audit.folder import read_folder
from xray.data.cache.hashing import FileDigests
from xray.data.index.folders import index_images
from xray.data.index.patients import KERMANY_PATTERN, compile_pattern, patient_of
from xray.utils.errors import UserError


def read(root, classes=CLASSES, pattern=KERMANY_PATTERN):
    return read_folder(root, classes, pattern, FileDigests())


def test_lists_the_same_images_as_a_fit(images):
    folder = read(images)
    assert folder.images == index_images(images, ("train", "val", "test"), CLASSES, KERMANY_PATTERN, FileDigests())
    assert folder.splits == ("train", "val", "test")
    assert folder.findings == []


@pytest.mark.parametrize("kept", [("test",), ("train", "test")])
def test_splits_may_be_missing(images, kept):
    for split in {"train", "val", "test"} - set(kept):
        shutil.rmtree(images / split)
    folder = read(images)
    assert folder.splits == kept
    assert {image.folder for image in folder.images} == set(kept)
    assert folder.findings == []


def test_class_folders_may_be_in_the_root(images):
    folder = read(images / "train")
    assert folder.splits == ("",)
    assert {image.path.split("/")[0] for image in folder.images} == set(CLASSES)
    assert folder.findings == []


def test_a_missing_class_is_blocking_and_a_similar_name_is_suggested(images):
    (images / "train/NORMAL").rename(images / "train/Normal")
    folder = read(images)
    missing = next(finding for finding in folder.findings if finding.code == "class-missing")
    assert missing.severity == "blocking"
    assert files_of(missing) == ["train/NORMAL"]
    assert missing.cases[0].detail == "no such folder; is it Normal?"
    outside = next(finding for finding in folder.findings if finding.code == "outside-classes")
    assert files_of(outside) == ["train/Normal"]
    assert outside.cases[0].detail == "24 images"


def test_an_empty_class_is_blocking(images):
    shutil.rmtree(images / "val/PNEUMONIA")
    (images / "val/PNEUMONIA").mkdir()
    (finding,) = read(images).findings
    assert (finding.code, finding.cases[0].detail) == ("class-missing", "no image")


def test_other_files_are_counted_by_suffix(images):
    for name in ("a.nii", "b.nii", "c", ".hidden", "deep/d.txt"):
        path = images / "train/NORMAL" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (images / "README.md").touch()  # any file is allowed outside the class folders
    (finding,) = read(images).findings
    assert finding.code == "other-files"
    assert finding.title.endswith("runs leave out 4 files: 2 .nii, 1 .txt, 1 without a suffix.")


def test_dicom_images_are_read_with_the_patients_of_their_tags(images):
    for name in ("train/NORMAL/x.dcm", "test/PNEUMONIA/y.dcm"):
        write_dicom(images / name, np.zeros((4, 4), np.uint8), PatientID="A7")
    folder = read(images)
    assert folder.findings == []
    tagged = [image for image in folder.images if image.path.endswith(".dcm")]
    assert {image.patient for image in tagged} == {"test/PNEUMONIA/y.dcm"}
    assert all(image.named for image in tagged)


def test_splits_have_their_usual_names(images):
    (images / "val").rename(images / "valid")
    folder = read(images)
    assert folder.splits == ("train", "val", "test")
    assert {image.path.split("/")[0] for image in folder.images if image.folder == "val"} == {"valid"}
    assert folder.findings == []


def test_dicom_without_a_suffix_is_read_and_a_table_of_contents_is_not(images):
    write_dicom(images / "train/NORMAL/IM000001", np.zeros((4, 4), np.uint8), PatientID="A7")
    write_dicom(images / "train/NORMAL/DICOMDIR", np.zeros((4, 4), np.uint8))
    folder = read(images)
    assert "train/NORMAL/IM000001" in {image.path for image in folder.images}
    (finding,) = folder.findings
    assert "1 file: 1 DICOMDIR (a table of contents, no image)" in finding.title


def test_hidden_and_macos_folders_are_ignored(images):
    for folder in ("__MACOSX", ".cache"):
        (images / folder).mkdir()
        Image.new("L", (9, 9)).save(images / folder / "x.png")
    assert read(images).findings == []


def test_other_class_names_and_patterns(tmp_path):
    root = make_images(tmp_path / "set")
    for split in ("train", "val", "test"):
        (root / split / "NORMAL").rename(root / split / "healthy")
        (root / split / "PNEUMONIA").rename(root / split / "ill")
    folder = read(root, ("healthy", "ill"), r"_(?P<patient>\d)|^(?P<group>x)")
    assert folder.class_names == ("healthy", "ill")
    assert not any(image.named for image in folder.images if image.label == 0)


@pytest.mark.parametrize(("place", "words"), [("nope", "does not exist"), ("a.txt", "is a file")])
def test_rejects_a_file_and_a_missing_folder(tmp_path, place, words):
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=words):
        read(tmp_path / place)


def test_error_for_a_folder_without_images_lists_its_folders(images):
    with pytest.raises(UserError, match=r"no image in a or b.*Found: test, train, val"):
        read(images, ("a", "b"))


def test_rejects_a_pattern_without_a_patient(images):
    with pytest.raises(UserError, match="no group named patient"):
        read(images, pattern="IM")


def test_a_table_is_audited_like_its_folders(images):
    rows = ["path,label,patient,split"]
    for path in sorted(images.glob("*/*/*.jpeg")):
        split, name, file = path.relative_to(images).parts
        rows.append(
            f"{split}/{name}/{file},{name},{patient_of(file, compile_pattern(KERMANY_PATTERN)).patient},{split}"
        )
    (images / "labels.csv").write_text("\n".join(rows))
    table, folders = (
        read_folder(root, CLASSES, KERMANY_PATTERN, FileDigests()) for root in (images / "labels.csv", images)
    )
    key = [(i.path, i.folder, i.label, i.patient, i.digest) for i in folders.images]
    assert [(i.path, i.folder, i.label, i.patient, i.digest) for i in table.images] == key
    assert (table.splits, table.root, table.source) == (folders.splits, images, images / "labels.csv")
