"""Copies are told once, where they do most harm."""

import shutil

import pytest
from PIL import Image
from tests.conftest import make_images

from xray.audit.copies import check_copies
from xray.audit.folder import ImageFolder
from xray.audit.scan import FolderScan
from xray.data.duplicates import NearDuplicate
from xray.data.index.folders import ImageRecord

NORMAL = "train/NORMAL/IM-0101-0001.jpeg"
PNEUMONIA = "train/PNEUMONIA/person101_bacteria_1011.jpeg"


def saved_anew(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as image:
        image.resize((96, 96)).save(target, quality=85)


@pytest.fixture
def root(tmp_path):
    return make_images(tmp_path / "set", size=96)


@pytest.mark.parametrize("copy", [shutil.copyfile, saved_anew])
@pytest.mark.parametrize(
    ("source", "target", "code", "severity"),
    [
        (NORMAL, "train/PNEUMONIA/person900_virus_1.jpeg", "copies-in-both-classes", "blocking"),
        (NORMAL, "test/PNEUMONIA/person900_virus_1.jpeg", "copies-in-both-classes", "blocking"),
        (NORMAL, "test/NORMAL/IM-0900-0001.jpeg", "copies-in-test", "blocking"),
        (NORMAL, "val/NORMAL/IM-0900-0001.jpeg", "copies-in-train-and-val", "warning"),
        (PNEUMONIA, "train/PNEUMONIA/person900_virus_1.jpeg", "copies-under-two-patients", "warning"),
        (PNEUMONIA, "train/PNEUMONIA/person101_bacteria_1.jpeg", "copies-of-one-patient", "note"),
    ],
)
def test_a_copy_is_told_where_it_does_most_harm(root, found, copy, source, target, code, severity):
    copy(root / source, root / target)
    findings = {name: finding for name, finding in found(root).items() if name.startswith("copies")}
    assert list(findings) == [code]
    assert findings[code].severity == severity
    assert sorted(findings[code].files) == sorted([source, target])
    exact = copy is shutil.copyfile
    assert findings[code].cases[0].detail.startswith("same bytes" if exact else "near copy, correlation 0.9")
    assert ("1 identical" if exact else "1 near copies") in findings[code].title


def test_a_clean_folder_has_no_copies(root, found):
    assert not [code for code in found(root) if code.startswith(("copies", "look"))]


def test_a_chain_of_copies_is_one_picture(root, found):
    shutil.copyfile(root / NORMAL, root / "train/NORMAL/IM-0900-0001.jpeg")
    saved_anew(root / NORMAL, root / "test/NORMAL/IM-0901-0001.jpeg")
    (case,) = found(root)["copies-in-test"].cases
    assert sorted(case.files) == [
        "test/NORMAL/IM-0901-0001.jpeg",
        "train/NORMAL/IM-0101-0001.jpeg",
        "train/NORMAL/IM-0900-0001.jpeg",
    ]


def image(path, patient, group=""):
    return ImageRecord(path, path.split("/")[0], 0, patient, group or patient, path, True)


def test_images_of_two_patients_that_look_alike_are_a_note_and_no_copy(tmp_path):
    images = [image("test/a", "a"), image("train/b", "b"), image("train/c", "c_1", "c"), image("train/d", "c_2", "c")]
    others = [image(f"train/{k}", f"p{k}") for k in range(60)]
    folder = ImageFolder(tmp_path, ("NORMAL", "PNEUMONIA"), ("train", "test"), [*images, *others], [])
    alike = [NearDuplicate(0, 1, 0.85), NearDuplicate(2, 3, 0.85)]
    scan = FolderScan(folder, {}, [], [], None, None, None, alike)
    (finding,) = check_copies(scan)
    assert (finding.code, finding.severity) == ("look-alikes", "note")
    assert [(case.files, case.detail) for case in finding.cases] == [
        (("test/a", "train/b"), "correlation 0.850; test and train")
    ]
    assert "may have two numbers" in finding.why


def test_where_many_images_look_alike_nothing_follows(tmp_path):
    images = [image(f"train/{k}", f"p{k}") for k in range(40)]
    folder = ImageFolder(tmp_path, ("NORMAL", "PNEUMONIA"), ("train",), images, [])
    alike = [NearDuplicate(0, k, 0.85) for k in range(1, 31)]
    (finding,) = check_copies(FolderScan(folder, {}, [], [], None, None, None, alike))
    assert finding.title.startswith("30 pairs")
    assert len(finding.cases) == 20
    assert "similar by nature" in finding.why
