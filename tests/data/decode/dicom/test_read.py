"""Nothing that identifies the patient is revealed, and yet patients are distinguished."""

import io
import logging
import os
import subprocess
import sys
import warnings

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from tests.data.dicoms import BYTES, IDENTIFYING, TWELVE, WINDOW, dicom, stored_dicom, traces, write_dicom

from xray.data.decode.dicom.read import read_dicom, read_patient, read_pixel_format
from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import read_image
from xray.utils.errors import UserError


def test_no_warning_log_line_or_output_reveals_the_patient(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    dataset = dicom(TWELVE, **WINDOW)
    # Invalid values, which pydicom quotes in warnings.
    for tag, kind in ((0x00100030, "DA"), (0x00080060, "CS"), (0x00281050, "DS"), (0x00080018, "UI")):
        dataset[tag] = RawDataElement(Tag(tag), kind, 24, b"Quagmire^Zebulon*Q/1931 ", 0, False, True)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    capfd.readouterr()
    caplog.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(UnreadableImageError) as info:
            read_image(file)
        with pytest.raises(UnreadableImageError):
            read_image(io.BytesIO(file.getvalue()[:500]))
    assert warned == []
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")
    assert not any(trace in str(info.value) for trace in traces())


def test_patients_are_distinguished_and_not_printed(tmp_path):
    one = read_patient(write_dicom(tmp_path / "1.dcm", TWELVE, bits=12))
    same = read_patient(write_dicom(tmp_path / "2.dcm", BYTES, PatientName="Other^Name"))
    assert one == same
    assert not any(trace in f"{one} {one!r}" for trace in traces())
    for i, tags in enumerate(({"PatientID": "MRN7712391"}, {"IssuerOfPatientID": "Elsewhere"})):
        assert read_patient(write_dicom(tmp_path / f"other{i}.dcm", BYTES, **tags)) not in {None, one}


@pytest.mark.parametrize("identity", ["", None, "ANONYMOUS", "anonymized", "0"])
def test_a_placeholder_id_is_no_patient(identity, tmp_path):
    assert read_patient(write_dicom(tmp_path / "1.dcm", BYTES, PatientID=identity)) is None


def test_files_that_are_not_dicom_have_no_patient(tmp_path):
    (tmp_path / "text.dcm").write_text("Patient: " + IDENTIFYING["PatientID"])
    (tmp_path / "cut.dcm").write_bytes(stored_dicom(BYTES).getvalue()[:180])
    assert [read_patient(tmp_path / name) for name in ("text.dcm", "cut.dcm", "missing.dcm")] == [None] * 3


def test_pydicom_and_imagecodecs_are_imported_for_dicom_alone():
    modules = "xray.data.decode.image, xray.data.index.folders, xray.data.decode.header"
    code = f"import sys, {modules}; sys.exit(bool({{'pydicom', 'imagecodecs'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0


def test_without_pydicom_the_extra_is_named(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "image.dcm", BYTES)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for read in (
        lambda path: read_dicom(path.open("rb")),
        read_patient,
        lambda path: read_pixel_format(path.open("rb")),
    ):
        with pytest.raises(
            UserError, match=r"^reading DICOM needs the extra 'dicom': pip install '\.\[dicom\]' in the"
        ):
            read(path)
