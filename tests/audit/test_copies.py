"""Duplicate images are reported once, as their most severe kind."""

import shutil
from pathlib import PurePath

import pytest
from PIL import Image
from tests.audit.conftest import CLASSES, files_of, findings_of
from tests.conftest import make_images

from xray.audit.copies import check_copies
from xray.audit.folder import ImageFolder
from xray.audit.scan import FolderScan
from xray.data.duplicates import NearDuplicate
from xray.data.index.base import ImageRecord
from xray.data.index.walk import image_names


def resave(source, target):
    with Image.open(source) as image:
        image.resize((96, 96)).save(target, quality=85)


# Code, severity, way of copying, source and target.
COPIES = [
    ("copies-in-both-classes", "blocking", shutil.copyfile, "train/NORMAL/IM-0101-0001.jpeg",
     "test/PNEUMONIA/person900_virus_1.jpeg"),
    ("copies-in-test", "blocking", resave, "train/NORMAL/IM-0103-0001.jpeg", "test/NORMAL/IM-0900-0001.jpeg"),
    ("copies-in-train-and-val", "warning", shutil.copyfile, "train/NORMAL/IM-0105-0001.jpeg",
     "val/NORMAL/IM-0901-0001.jpeg"),
    ("copies-under-two-patients", "warning", resave, "train/PNEUMONIA/person101_bacteria_1011.jpeg",
     "train/PNEUMONIA/person901_virus_1.jpeg"),
    ("copies-of-one-patient", "note", shutil.copyfile, "train/PNEUMONIA/person103_bacteria_1031.jpeg",
     "train/PNEUMONIA/person103_bacteria_1.jpeg"),
]  # fmt: skip


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    root = make_images(tmp_path_factory.mktemp("copies") / "set", size=96)
    for _, _, copy, source, target in COPIES:
        copy(root / source, root / target)
    # A copy of a copy belongs to the same duplicate image.
    shutil.copyfile(root / COPIES[1][4], root / "train/NORMAL/IM-0902-0001.jpeg")
    return findings_of(root)


@pytest.mark.parametrize(("code", "severity", "copy", "source", "target"), COPIES)
def test_duplicate_is_reported_as_its_most_severe_kind(findings, code, severity, copy, source, target):
    assert findings[code].severity == severity
    (case,) = findings[code].cases
    assert {source, target} <= set(case.files)
    exact = copy is shutil.copyfile
    assert case.detail.startswith("same bytes" if exact else "near copy, correlation 0.9")
    assert ("1 identical" if exact else "1 near copies") in findings[code].title


def test_chain_of_copies_is_one_duplicate_image(findings):
    assert sorted(files_of(findings["copies-in-test"])) == [
        "test/NORMAL/IM-0900-0001.jpeg",
        "train/NORMAL/IM-0103-0001.jpeg",
        "train/NORMAL/IM-0902-0001.jpeg",
    ]


def scan_with(similar_pairs, images):
    folder = ImageFolder(None, None, CLASSES, ("train", "test"), images, [])
    return FolderScan(folder, {}, [], [], None, None, None, similar_pairs)


def image(path, patient, group=""):
    return ImageRecord(path, path.split("/")[0], 0, patient, group or patient, path, True)


def test_similar_images_of_two_patients_are_a_note():
    images = [image("test/a", "a"), image("train/b", "b"), image("train/c", "c_1", "c"), image("train/d", "c_2", "c")]
    others = [image(f"train/{k}", f"p{k}") for k in range(60)]
    (finding,) = check_copies(scan_with([NearDuplicate(0, 1, 0.85), NearDuplicate(2, 3, 0.85)], [*images, *others]))
    assert (finding.code, finding.severity) == ("similar-images", "note")
    assert [(case.files, case.detail) for case in finding.cases] == [
        (("test/a", "train/b"), "correlation 0.850; test and train")
    ]
    assert "may have two numbers" in finding.why


def test_many_similar_images_mean_nothing():
    images = [image(f"train/{k}", f"p{k}") for k in range(40)]
    (finding,) = check_copies(scan_with([NearDuplicate(0, k, 0.85) for k in range(1, 31)], images))
    assert finding.title.startswith("30 pairs")
    assert len(finding.cases) == 20
    assert "similar by nature" in finding.why


def test_every_released_original_is_found_among_the_small_images(real_images, full_size_images, tmp_path):
    small = {PurePath(name).name: real_images / name for name in image_names(real_images)}
    originals = image_names(full_size_images)
    for name in originals:
        for split, source in (("train", small[PurePath(name).name]), ("test", full_size_images / name)):
            link = tmp_path / "both" / split / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source)
    cases = findings_of(tmp_path / "both")["copies-in-test"].cases
    assert sorted(case.files for case in cases) == sorted((f"test/{name}", f"train/{name}") for name in originals)
    assert len(cases) == 250
