"""Detecting the format of a model file, and the errors for other files."""

import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from xray.runs.model_file import detect_format
from xray.utils.errors import UserError


def rejection(path):
    with pytest.raises(UserError) as caught:
        detect_format(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({"a": torch.arange(1000.0)}, tmp_path / "m.ckpt")
    return tmp_path / "m.ckpt"


@pytest.mark.parametrize("name", ["m.ckpt", "m.onnx", "m"])
def test_detects_the_format_from_bytes_not_from_the_name(checkpoint, tmp_path, name):
    assert detect_format(checkpoint.rename(tmp_path / name)) == "checkpoint"
    assert detect_format(archive(tmp_path / name, {"m/extra/xray.json": "{}", "m/archive_format": "pt2"})) == "torch"
    (tmp_path / name).write_bytes(b"\x08\x0a")
    assert detect_format(tmp_path / name) == "onnx"


def test_rejects_missing_files_folders_and_pipes(tmp_path):
    assert "does not exist" in rejection(tmp_path / "none")
    assert "is not a file" in rejection(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in rejection(tmp_path / "pipe")


def test_reports_why_a_file_cannot_be_read(checkpoint, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    assert "(Input/output error)" in rejection(checkpoint)


def test_rejects_truncated_and_empty_files_and_lfs_pointers(checkpoint):
    whole = checkpoint.read_bytes()
    for length in (64, len(whole) // 2, len(whole) - 1):
        checkpoint.write_bytes(whole[:length])
        assert "truncated" in rejection(checkpoint)
    checkpoint.write_bytes(b"")
    assert "empty" in rejection(checkpoint)
    checkpoint.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert "git lfs pull" in rejection(checkpoint)


def test_rejects_a_changed_weight(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    torch.load(checkpoint, weights_only=True)  # torch does not notice
    assert "damaged" in rejection(checkpoint)


@pytest.mark.parametrize(
    "members",
    [{}, {"notes": "text"}, {"[Content_Types].xml": "<a/>"}, {"m/archive_format": "pt2"}, {"data.pkl": "top"}],
)
def test_rejects_other_archives(members, tmp_path):
    assert "not a model of xray" in rejection(archive(tmp_path / "m.zip", members))


def test_rejects_any_changed_byte_of_the_content(tmp_path):
    whole = archive(tmp_path / "m.zip", {"m/data.pkl": "x" * 20, "m/data/0": "y" * 20}).read_bytes()
    for stored in (b"x" * 20, b"y" * 20):
        start = whole.index(stored)
        for position in range(start, start + len(stored)):
            changed = whole[:position] + bytes([whole[position] ^ 8]) + whole[position + 1 :]
            (tmp_path / "m.zip").write_bytes(changed)
            assert "is damaged" in rejection(tmp_path / "m.zip")


def test_any_changed_byte_gives_at_most_a_user_error(tmp_path):
    whole = archive(tmp_path / "m.zip", {"m/data.pkl": "x" * 20, "m/data/0": "y" * 20}).read_bytes()
    for position in range(len(whole)):
        (tmp_path / "m.zip").write_bytes(whole[:position] + bytes([255 - whole[position]]) + whole[position + 1 :])
        with suppress(UserError):
            assert detect_format(tmp_path / "m.zip") == "checkpoint"
