"""Images are found by suffix or as DICOM by their bytes, and all other files are counted."""

import os
import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.data.dicoms import write_dicom

from xray.data.index.walk import describe_left_out, image_names, walk_images
from xray.utils.errors import UserError

PIXELS = np.zeros((3, 4), np.uint8)


def test_dicom_is_found_by_its_bytes_and_other_files_are_counted(tmp_path):
    dicoms = ["DICOM/IM000001", "DICOM/deep/1.2.840.10008", "image.ima"]
    for name in (*dicoms, "DICOMDIR", "DICOM/dicomdir"):
        write_dicom(tmp_path / name, PIXELS)
    for name in ("a.png", "b.txt", "c.TXT", "d.mp4", "short", "e.png.bak", ".hidden", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"image")
    found = walk_images(tmp_path)
    assert found.names == sorted([*dicoms, "a.png"])
    kinds = {".txt": 2, ".mp4": 1, ".bak": 1, "without a suffix": 1, "DICOMDIR (a table of contents, no image)": 2}
    assert found.left_out == kinds


def test_files_with_a_suffix_of_images_are_not_opened(tmp_path, monkeypatch):
    for name in ("a.png", "b.tif", "c.dcm"):
        (tmp_path / name).touch()
    monkeypatch.setattr("builtins.open", lambda path, *_: pytest.fail(f"{path} was opened"))
    assert image_names(tmp_path) == ["a.png", "b.tif", "c.dcm"]


def test_pipes_and_sockets_named_as_images_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.png")
    Path("link.png").symlink_to("pipe.png")
    with socket.socket(socket.AF_UNIX) as file:
        file.bind("socket.png")
        assert walk_images(tmp_path) == ([], {"pipe, socket or device": 3})


def test_most_frequent_kinds_are_named_first_and_few_of_many():
    assert describe_left_out(Counter({".mp4": 1, ".txt": 2})) == "3 files: 2 .txt, 1 .mp4"
    assert describe_left_out(Counter({".a\nb": 1})) == r"1 file: 1 .a\nb"
    many = Counter({f".{number}": number for number in range(1, 10)})
    assert describe_left_out(many) == "45 files: 9 .9, 8 .8, 7 .7, 6 .6, 5 .5, 4 .4, 6 other"


def test_rejects_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    def fail(top, onerror=None, followlinks=False):
        onerror(PermissionError(13, "Permission denied", f"{top}/locked"))
        return iter(())

    monkeypatch.setattr("xray.data.index.walk.os.walk", fail)
    with pytest.raises(UserError, match=r"locked cannot be read \(Permission denied\)"):
        image_names(tmp_path)
