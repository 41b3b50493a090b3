"""Every layout is read, and what no run would read is told."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import make_films
from tests.data.dicoms import write_dicom

from xray.audit.folder import read_folder
from xray.data.digest import FileDigests
from xray.data.index import index_films
from xray.data.patients import KERMANY_PATTERN
from xray.errors import UserError

CLASSES = ("NORMAL", "PNEUMONIA")


def read(root, classes=CLASSES, pattern=KERMANY_PATTERN):
    return read_folder(root, classes, pattern, FileDigests())


def codes(folder):
    return [finding.code for finding in folder.findings]


def test_sides_and_classes_are_indexed_as_for_a_fit(films):
    folder = read(films)
    assert folder.films == index_films(films, ("train", "val", "test"), CLASSES, KERMANY_PATTERN, FileDigests())
    assert folder.sides == ("train", "val", "test")
    assert folder.findings == []
    assert all(Path(file).is_file() for file in folder.files)


@pytest.mark.parametrize("kept", [("train",), ("test",), ("train", "test")])
def test_any_of_the_sides_will_do(films, kept):
    for side in {"train", "val", "test"} - set(kept):
        shutil.rmtree(films / side)
    folder = read(films)
    assert folder.sides == kept
    assert {film.folder for film in folder.films} == set(kept)
    assert folder.findings == []
    assert {folder.films[i].folder for i in folder.pool} == ({"train"} if "train" in kept else {"test"})


def test_the_classes_may_lie_in_the_root(films):
    folder = read(films / "train")
    assert folder.sides == ("",)
    assert {film.path.split("/")[0] for film in folder.films} == set(CLASSES)
    assert folder.findings == []


def test_a_missing_class_is_blocking_and_its_likely_name_is_told(films):
    (films / "train/NORMAL").rename(films / "train/Normal")
    folder = read(films)
    missing = next(finding for finding in folder.findings if finding.code == "class-missing")
    assert missing.severity == "blocking"
    assert missing.files == ["train/NORMAL"]
    assert missing.cases[0].detail == "no such folder; is it Normal?"
    # And its films are told as lying elsewhere.
    outside = next(finding for finding in folder.findings if finding.code == "outside-classes")
    assert outside.files == ["train/Normal"]
    assert outside.cases[0].detail == "24 images"


def test_an_empty_class_is_blocking(films):
    shutil.rmtree(films / "val/PNEUMONIA")
    (films / "val/PNEUMONIA").mkdir()
    (finding,) = read(films).findings
    assert (finding.code, finding.cases[0].detail) == ("class-missing", "no film")


def test_other_files_are_told_by_their_kind(films):
    for name in ("a.nii", "b.nii", "c", ".hidden", "deep/d.txt"):
        path = films / "train/NORMAL" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (films / "README.md").touch()  # outside the classes, any file may lie
    (finding,) = read(films).findings
    assert finding.code == "other-files"
    assert "4 files" in finding.title
    assert ".nii (2), .txt (1), no suffix (1)" in finding.title


def test_dicom_films_are_read_with_the_patients_of_their_tags(films):
    for name in ("train/NORMAL/x.dcm", "test/PNEUMONIA/y.dcm"):
        write_dicom(films / name, np.zeros((4, 4), np.uint8), PatientID="A7")
    folder = read(films)
    assert folder.findings == []
    tagged = [film for film in folder.films if film.path.endswith(".dcm")]
    assert {film.patient for film in tagged} == {"test/PNEUMONIA/y.dcm"}
    assert all(film.named for film in tagged)


def test_clutter_of_archives_is_passed_over(films):
    for folder in ("__MACOSX", ".cache"):
        (films / folder).mkdir()
        Image.new("L", (9, 9)).save(films / folder / "x.png")
    assert read(films).findings == []


def test_other_class_names_and_patterns(tmp_path):
    root = make_films(tmp_path / "set")
    for side in ("train", "val", "test"):
        (root / side / "NORMAL").rename(root / side / "healthy")
        (root / side / "PNEUMONIA").rename(root / side / "ill")
    folder = read(root, ("healthy", "ill"), r"_(?P<patient>\d)|^(?P<group>x)")
    assert folder.class_names == ("healthy", "ill")
    assert not any(film.named for film in folder.films if film.label == 0)


@pytest.mark.parametrize(("place", "words"), [("nope", "does not exist"), ("a.txt", "is a file")])
def test_what_is_no_folder_is_refused(tmp_path, place, words):
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=words):
        read(tmp_path / place)


def test_a_folder_without_films_names_what_it_holds(films):
    with pytest.raises(UserError, match=r"no JPEG, PNG or DICOM in a or b.*Found: test, train, val"):
        read(films, ("a", "b"))


def test_a_pattern_without_patient_is_refused(films):
    with pytest.raises(UserError, match="no group named patient"):
        read(films, pattern="IM")
