"""Patients in several splits, and names from which the patient is not clear."""

import pytest
from tests.audit.conftest import files_of

from xray.audit.folder import ImageFolder
from xray.audit.patients import check_patients
from xray.audit.scan import FolderScan
from xray.data.index.base import ImageRecord


def check(*images):
    """Return the findings of images given as (split, patient, group or None); the patient "" is unknown."""
    rows = []
    for k, (split, patient, group) in enumerate(images):
        path = f"{split}/NORMAL/{k}.png"
        rows.append(ImageRecord(path, split, k % 2, patient or path, group or patient or path, path, bool(patient)))
    folder = ImageFolder(None, None, ("NORMAL", "PNEUMONIA"), ("train", "val", "test"), rows, [])
    return {finding.code: finding for finding in check_patients(FolderScan(folder, {}, [], [], None, None, None, []))}


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_patient_in_test_and_outside_it_is_blocking(split):
    finding = check(
        (split, "p1", None), (split, "p2", None), ("test", "p2", None), ("test", "p2", None), ("test", "p3", None)
    )["patients-in-test"]
    assert finding.severity == "blocking"
    assert finding.title.startswith("1 patient has")
    (case,) = finding.cases
    assert case.detail == "p2"
    assert case.files == ("test/NORMAL/2.png", "test/NORMAL/3.png", f"{split}/NORMAL/1.png")


def test_a_number_that_may_be_one_person_is_a_warning():
    findings = check(("train", "p1_virus", "p1"), ("test", "p1_bacteria", "p1"))
    assert "patients-in-test" not in findings
    assert findings["patients-possibly-in-test"].severity == "warning"
    assert findings["patients-possibly-same"].title == (
        "1 number occurs under two names, such as p1_bacteria and p1_virus: 2 patients by name, but 1 if they are the "
        "same."
    )


def test_a_patient_in_test_is_not_reported_again_as_a_possible_one():
    findings = check(("train", "p1_virus", "p1"), ("test", "p1_virus", "p1"))
    assert "patients-in-test" in findings
    assert "patients-possibly-in-test" not in findings


def test_train_and_val_may_share_patients_with_a_warning():
    findings = check(("train", "p1", None), ("val", "p1", None), ("test", "p2", None))
    assert findings["patients-in-train-and-val"].severity == "warning"
    assert files_of(findings["patients-in-train-and-val"]) == ["val/NORMAL/1.png", "train/NORMAL/0.png"]


def test_images_without_a_patient_count_as_their_own_patients():
    findings = check(("train", "", None), ("test", "", None), ("test", "p", None))
    assert set(findings) == {"patients-unknown"}
    assert findings["patients-unknown"].title.startswith("2 images of 3 have a name without a patient")


@pytest.mark.parametrize(("images", "reported"), [(16, True), (99, True), (100, False)])
def test_a_small_val_is_reported(images, reported):
    findings = check(*[("val", f"p{i // 2}", None) for i in range(images)])
    assert ("val-small" in findings) is reported
    if reported:
        assert findings["val-small"].title == f"val has {images} images of {(images + 1) // 2} patients."


def test_blocks_of_numbers_are_reported_with_their_ends():
    train = [("train", f"IM-{n}", None) for n in (*range(1, 10), *range(20, 30))]
    test = [("test", f"IM-{n}", None) for n in range(10, 20)]
    assert "IM-10 to 19" in check(*train, *test)["test-in-blocks"].title
    scattered = [("test", f"IM-{n}", None) for n in range(100, 140, 2)]
    between = [("train", f"IM-{n}", None) for n in range(101, 140, 2)]
    assert "test-in-blocks" not in check(*train, *scattered, *between)
    assert "test-in-blocks" not in check(*test)


def test_clean_splits_have_no_findings():
    assert check(("train", "p1", None), ("test", "p2", None)) == {}
