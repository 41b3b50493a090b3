"""Images are grouped by the patient in their tags, and nothing of the tags is revealed."""

import numpy as np
from tests.data.dicoms import traces, write_dicom

from xray.data.index.dicom_patients import is_dicom_name, patients_by_tag

PIXELS = np.zeros((4, 4), np.uint8)


def test_images_of_one_id_and_issuer_share_their_first_path(tmp_path):
    for name, identity, issuer in (
        ("b/2.dcm", "one", "here"),
        ("a/9.dcm", "one", "here"),
        ("a/3.dcm", "one", "there"),
        ("c/1.dcm", " two ", "here"),
        ("c/2.dcm", "two", "here"),
        ("d/1.dcm", "", "here"),
    ):
        write_dicom(tmp_path / name, PIXELS, PatientID=identity, IssuerOfPatientID=issuer)
    names = ["c/2.dcm", "b/2.dcm", "a/9.dcm", "a/3.dcm", "c/1.dcm", "d/1.dcm", "missing.dcm"]
    patients = patients_by_tag(tmp_path, names)
    assert patients == {"a/9.dcm": "a/9.dcm", "b/2.dcm": "a/9.dcm", "a/3.dcm": "a/3.dcm"} | {
        "c/1.dcm": "c/1.dcm",
        "c/2.dcm": "c/1.dcm",
    }
    assert patients_by_tag(tmp_path, reversed(names)) == patients


def test_reads_a_changed_file_again(tmp_path):
    write_dicom(tmp_path / "1.dcm", PIXELS, PatientID="one")
    write_dicom(tmp_path / "2.dcm", PIXELS, PatientID="one")
    assert patients_by_tag(tmp_path, ["1.dcm", "2.dcm"])["2.dcm"] == "1.dcm"
    write_dicom(tmp_path / "2.dcm", PIXELS, PatientID="another")
    assert patients_by_tag(tmp_path, ["1.dcm", "2.dcm"])["2.dcm"] == "2.dcm"


def test_reveals_nothing_of_the_tags(tmp_path, capfd):
    write_dicom(tmp_path / "1.dcm", PIXELS)
    assert not any(trace in str(patients_by_tag(tmp_path, ["1.dcm"])) for trace in traces())
    assert capfd.readouterr() == ("", "")


def test_dicom_names_are_detected_by_suffix():
    assert all(is_dicom_name(name) for name in ("a.dcm", "b/c.DICOM", "d.Dcm"))
    assert all(is_dicom_name(name) for name in ("IM000001", "DICOM/1.2.840.10008"))  # listed for their bytes
    assert not any(is_dicom_name(name) for name in ("e.dcm.png", "f.jpeg"))
