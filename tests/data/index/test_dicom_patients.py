"""Images are grouped by the patient in their tags, and nothing of the tags is revealed."""

import numpy as np
from tests.data.dicoms import traces, write_dicom

from xray.data.index.dicom_patients import is_dicom_name, patients_by_tag

PIXELS = np.zeros((4, 4), np.uint8)


def test_images_of_one_id_and_issuer_share_the_first_of_their_paths(tmp_path):
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
    found = patients_by_tag(tmp_path, names)
    assert found == {"a/9.dcm": "a/9.dcm", "b/2.dcm": "a/9.dcm", "a/3.dcm": "a/3.dcm"} | {
        "c/1.dcm": "c/1.dcm",
        "c/2.dcm": "c/1.dcm",
    }
    assert patients_by_tag(tmp_path, reversed(names)) == found


def test_a_file_that_changes_is_read_again(tmp_path):
    write_dicom(tmp_path / "1.dcm", PIXELS, PatientID="one")
    write_dicom(tmp_path / "2.dcm", PIXELS, PatientID="one")
    assert patients_by_tag(tmp_path, ["1.dcm", "2.dcm"])["2.dcm"] == "1.dcm"
    write_dicom(tmp_path / "2.dcm", PIXELS, PatientID="another")
    assert patients_by_tag(tmp_path, ["1.dcm", "2.dcm"])["2.dcm"] == "2.dcm"


def test_nothing_of_the_tags_is_revealed(tmp_path, capfd):
    write_dicom(tmp_path / "1.dcm", PIXELS)
    assert not any(trace in str(patients_by_tag(tmp_path, ["1.dcm"])) for trace in traces())
    assert capfd.readouterr() == ("", "")


def test_no_images_have_no_patients(tmp_path):
    assert patients_by_tag(tmp_path, []) == {}


def test_names_of_dicom_files_end_in_their_suffixes():
    assert all(is_dicom_name(name) for name in ("a.dcm", "b/c.DICOM", "d.Dcm"))
    assert not any(is_dicom_name(name) for name in ("dcm", "e.dcm.png", "f.jpeg"))
