"""Whole-image statistics and file properties that separate the classes, on measurements without images."""

import numpy as np
import pytest
from tests.audit.conftest import CLASSES

from xray.audit.folder import ImageFolder
from xray.audit.measures import measure_shortcuts
from xray.audit.scan import FolderScan
from xray.audit.shortcuts import check_shortcuts
from xray.data.decode.header import ImageHeader
from xray.data.index.base import ImageRecord
from xray.data.intensity import STATISTICS

GREY = ImageHeader(48, 48, "L", "JPEG", 2000)


def scan(headers=(GREY, GREY), levels=(0, 0), test_levels=(), patients=(24, 24)):
    """Return images of both classes in train, and in test if it has levels.

    Headers and levels, which are added to random statistics, are given by class.
    """
    rng = np.random.default_rng(0)
    images, image_headers, statistics = [], [], []
    for split, split_levels in (("train", levels), ("test", test_levels)):
        for label, level in enumerate(split_levels):
            for k in range(patients[label]):
                path = f"{split}/{CLASSES[label]}/{k}.jpeg"
                images.append(ImageRecord(path, split, label, path, path, path, True))
                image_headers.append(headers[label])
                statistics.append(level + rng.normal(size=len(STATISTICS)))
    folder = ImageFolder(None, None, CLASSES, ("train", "test"), images, [])
    rows = list(range(len(images)))
    return FolderScan(folder, {}, rows, image_headers, np.array(statistics), None, None, [])


def check(measured_scan):
    findings = check_shortcuts(measured_scan, measure_shortcuts(measured_scan))
    return {finding.code: finding for finding in findings}


def test_equal_classes_have_no_shortcut():
    findings = check(scan())
    assert list(findings) == ["shortcut-baseline"]
    assert findings["shortcut-baseline"].severity == "note"


def test_size_that_separates_the_classes_is_reported_with_medians():
    findings = check(scan((GREY._replace(width=60, height=60), GREY._replace(width=100, height=60))))
    finding = findings["shape-separates-classes"]
    assert "width (AUROC 1.00; medians 60 and 100)" in finding.title
    assert "aspect (AUROC 1.00; medians 1.00 and 1.67" in finding.title
    assert "height" not in finding.title
    assert findings["shortcut-baseline"].severity == "warning"
    assert "size and mode of the file 1.000" in findings["shortcut-baseline"].title


def test_mode_of_one_class_is_reported_with_its_files():
    made = scan()
    for row in (27, 29):
        made.headers[row] = GREY._replace(mode="RGB")
    finding = check(made)["mode-of-one-class"]
    assert finding.title == "Only PNEUMONIA has files of mode RGB (2 of 24)."
    assert [case.files for case in finding.cases] == [("train/PNEUMONIA/3.jpeg",), ("train/PNEUMONIA/5.jpeg",)]


def test_format_of_one_class_is_reported():
    assert check(scan((GREY._replace(format="PNG"), GREY)))["format-of-one-class"].title == (
        "Only NORMAL has files of format PNG (24 of 24), only PNEUMONIA has files of format JPEG (24 of 24)."
    )


def test_intensity_that_separates_the_classes_gives_a_high_baseline_on_test_too():
    finding = check(scan(levels=(0, 9), test_levels=(0, 9)))["shortcut-baseline"]
    assert finding.severity == "warning"
    assert "sharpness 1.000 (on test 1.000)" in finding.title


@pytest.mark.parametrize(("level", "severity"), [(0, "note"), (9, "warning")])
def test_difference_between_test_and_the_rest_is_reported(level, severity):
    assert check(scan(test_levels=(level, level), patients=(40, 40)))["test-differs"].severity == severity


def test_few_images_are_not_measured():
    measured = measure_shortcuts(scan(patients=(6, 6)))
    assert set(measured["baseline"]["statistics"].values()) == {None}
    assert set(measured["single"].values()) == {None}
    assert set(measured["test_from_rest"].values()) == {None}


@pytest.mark.parametrize(("levels", "test_levels"), [((0, 0), (0, 0)), ((0, 0), ()), ((), (0, 0))])
def test_measures_the_images_outside_test_or_all_if_there_are_no_others(levels, test_levels):
    by_class = measure_shortcuts(scan(levels=levels, test_levels=test_levels, patients=(28, 36)))["by_class"]
    assert {name: row["images"] for name, row in by_class.items()} == {"NORMAL": 28, "PNEUMONIA": 36}
    assert by_class["NORMAL"]["modes"] == {"L": 28}


def test_class_imbalance_is_reported_with_the_accuracy_of_a_constant_answer():
    finding = check(scan(patients=(8, 24)))["class-imbalance"]
    assert "8 images of NORMAL and 24 of PNEUMONIA: 1 to 3.0" in finding.title
    assert "always predicts PNEUMONIA has an accuracy of 0.75" in finding.why
