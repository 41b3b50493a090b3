"""Patients on both sides, and what names do not tell."""

import pytest

from xray.audit.folder import ImageFolder
from xray.audit.patients import check_patients
from xray.audit.scan import FolderScan
from xray.data.index.folders import ImageRecord


def check(*images):
    """Findings of images given as (side, patient, group or None, image); "" for an unknown patient."""
    rows = []
    for k, (side, patient, group) in enumerate(images):
        path = f"{side}/NORMAL/{k}.png"
        rows.append(ImageRecord(path, side, k % 2, patient or path, group or patient or path, path, bool(patient)))
    folder = ImageFolder(None, ("NORMAL", "PNEUMONIA"), ("train", "val", "test"), rows, [])
    return {finding.code: finding for finding in check_patients(FolderScan(folder, {}, [], [], None, None, None, []))}


@pytest.mark.parametrize(("side", "code"), [("train", "patients-in-test"), ("val", "patients-in-test")])
def test_a_patient_in_test_and_outside_it_is_blocking(side, code):
    found = check(
        (side, "p1", None), (side, "p2", None), ("test", "p2", None), ("test", "p2", None), ("test", "p3", None)
    )
    assert found[code].severity == "blocking"
    assert found[code].title.startswith("1 patient has")
    (case,) = found[code].cases
    assert case.detail == "p2"
    assert case.files == ("test/NORMAL/2.png", "test/NORMAL/3.png", f"{side}/NORMAL/1.png")


def test_a_number_that_may_be_one_person_is_a_warning():
    found = check(("train", "p1_virus", "p1"), ("test", "p1_bacteria", "p1"))
    assert "patients-in-test" not in found
    assert found["patients-perhaps-in-test"].severity == "warning"
    assert found["patients-perhaps-one"].title == (
        "1 number occurs under two names, such as p1_bacteria and p1_virus: 2 patients by name, but 1 if they are the "
        "same."
    )


def test_a_certain_patient_is_not_told_a_second_time_as_a_possible_one():
    found = check(("train", "p1_virus", "p1"), ("test", "p1_virus", "p1"))
    assert "patients-in-test" in found
    assert "patients-perhaps-in-test" not in found


def test_train_and_val_may_share_patients_with_a_warning():
    found = check(("train", "p1", None), ("val", "p1", None), ("test", "p2", None))
    assert found["patients-in-train-and-val"].severity == "warning"
    assert found["patients-in-train-and-val"].files == ["val/NORMAL/1.png", "train/NORMAL/0.png"]


def test_images_without_a_name_are_their_own_patients_and_leak_nothing():
    found = check(("train", "", None), ("test", "", None), ("test", "p", None))
    assert set(found) == {"patients-unknown"}
    assert found["patients-unknown"].title.startswith("2 images of 3 have a name without a patient")


@pytest.mark.parametrize(("images", "told"), [(16, True), (99, True), (100, False)])
def test_a_small_val_is_told(images, told):
    found = check(*[("val", f"p{i // 2}", None) for i in range(images)])
    assert ("val-small" in found) is told
    if told:
        assert found["val-small"].title == f"val has {images} images of {(images + 1) // 2} patients."


def test_blocks_of_numbers_are_told_with_their_ends():
    train = [("train", f"IM-{n}", None) for n in (*range(1, 10), *range(20, 30))]
    test = [("test", f"IM-{n}", None) for n in range(10, 20)]
    assert "IM-10 to 19" in check(*train, *test)["test-in-blocks"].title
    scattered = [("test", f"IM-{n}", None) for n in range(100, 140, 2)]
    between = [("train", f"IM-{n}", None) for n in range(101, 140, 2)]
    assert "test-in-blocks" not in check(*train, *scattered, *between)
    assert "test-in-blocks" not in check(*test)


def test_nothing_is_told_of_clean_sides():
    assert check(("train", "p1", None), ("test", "p2", None)) == {}
