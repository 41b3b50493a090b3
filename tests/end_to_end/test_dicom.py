"""Whole runs on a folder of DICOM images, none of which reveals who the patients are."""

import logging
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CLASSES, draw_image
from tests.data.dicoms import IDENTIFYING, traces, write_dicom
from tests.end_to_end.commands import CNN, RUN, fit, run, table
from tests.tiny_runs import FAST
from xray.cli import main

PATIENTS = {"train": 8, "test": 4}
"""Of each class."""


def identity(folder: str, label: int, patient: int) -> str:
    return f"MRN{folder}{label}{patient:03d}QX"


@pytest.fixture
def dicoms(tmp_path: Path) -> Path:
    """Two images of each patient, whose file names reveal nothing; the second is far from the first in their order."""
    rng = np.random.default_rng(3)
    root = tmp_path / "dicoms"
    window = {"bits": 12, "WindowCenter": 2040, "WindowWidth": 4080, "VOILUTFunction": "LINEAR_EXACT"}
    for folder, patients in PATIENTS.items():
        for label, class_name in enumerate(CLASSES):
            for number in range(2 * patients):
                image = np.asarray(draw_image(rng, bool(label))).astype(np.uint16) * 16
                path = root / folder / class_name / f"{number:04d}.dcm"
                write_dicom(path, image, PatientID=identity(folder, label, number % patients), **window)
    # Not a chest radiograph: predict must reject it without revealing the patient.
    write_dicom(tmp_path / "others" / "hand.dcm", image, bits=12, BodyPartExamined="HAND")
    return root


def test_run_on_dicom_keeps_patients_together_and_writes_nothing_about_them(dicoms, tmp_path, capfd, caplog, recwarn):
    caplog.set_level(logging.DEBUG)
    fit(dicoms, epochs=1)
    run("test")
    others = str(tmp_path / "others")
    assert main(["predict", str(dicoms / "test"), others, "--out", "out.csv", "--reject_ood", "false"]) == 1
    assert main(["audit", str(dicoms), "--out", "audit"]) in {0, 1}

    split = table(RUN / "split.csv")
    splits: dict[str, set[str]] = {}
    for row in split:
        splits.setdefault(row["patient"], set()).add(row["split"])
    assert len(split) == 32
    assert len(splits) == 16
    assert all(len(of_patient) == 1 for of_patient in splits.values())
    assert all((dicoms / patient).is_file() for patient in splits)
    assert len({row["patient"] for row in table(RUN / "test/predictions.csv")}) == 8
    assert sum(row["outcome"] == "predicted" for row in table("out.csv")) == 16

    printed = capfd.readouterr()
    assert "hand.dcm: its Body Part Examined is HAND" in printed.err
    written = {str(path): path.read_bytes() for path in Path.cwd().rglob("*") if path.is_file()}
    names = {Path(path).name for path in written}
    assert {"best.ckpt", "config.yaml", "split.csv", "out.csv", "images.sqlite", "digests.sqlite"} <= names
    secrets = set()
    for folder, patients in PATIENTS.items():
        for label in range(2):
            for patient in range(patients):
                secrets |= traces(IDENTIFYING | {"PatientID": identity(folder, label, patient)})
    texts = written | {
        "standard output": printed.out.encode(),
        "standard error": printed.err.encode(),
        "log": caplog.text.encode(),
        "warnings": " ".join(str(warning.message) for warning in recwarn).encode(),
    }
    for where, text in texts.items():
        text = text.lower()
        assert not [secret for secret in secrets if secret.lower().encode() in text], where


def test_a_patient_on_both_sides_of_the_test_is_rejected_by_the_tags(dicoms, capfd):
    pixels = np.full((48, 48), 900, np.uint16)
    write_dicom(dicoms / "test/NORMAL/9999.dcm", pixels, bits=12, PatientID=identity("train", 0, 3))
    assert main(["fit", "--config", str(CNN), "--data.root", str(dicoms), *FAST]) == 1
    error = capfd.readouterr().err
    assert "test/NORMAL/9999.dcm" in error
    assert identity("train", 0, 3) not in error
