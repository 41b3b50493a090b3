"""Which kind of model a file holds, and what is said of a file that holds none."""

import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from xray.runs.model_file import kind_of
from xray.utils.errors import UserError


def rejection(path):
    with pytest.raises(UserError) as caught:
        kind_of(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({"a": torch.arange(1000.0)}, tmp_path / "m.ckpt")
    return tmp_path / "m.ckpt"


@pytest.mark.parametrize("name", ["m.ckpt", "m.onnx", "m"])
def test_the_kind_is_told_from_the_bytes_whatever_the_name(checkpoint, tmp_path, name):
    assert kind_of(checkpoint.rename(tmp_path / name)) == "checkpoint"
    assert kind_of(archive(tmp_path / name, {"m/extra/xray.json": "{}", "m/archive_format": "pt2"})) == "torch"
    (tmp_path / name).write_bytes(b"\x08\x0a")
    assert kind_of(tmp_path / name) == "onnx"


def test_what_is_missing_or_no_file_is_told(tmp_path):
    assert "does not exist" in rejection(tmp_path / "none")
    assert "is a folder" in rejection(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "no ordinary file" in rejection(tmp_path / "pipe")
    assert "no ordinary file" in rejection(Path("/dev/null"))


@pytest.mark.parametrize(("number", "reason"), [(13, "Permission denied"), (5, "Input/output error")])
def test_the_system_says_why_a_file_cannot_be_read(checkpoint, monkeypatch, number, reason):
    def fail(*_args, **_options):
        raise OSError(number, reason)

    monkeypatch.setattr(Path, "open", fail)
    assert f"({reason})" in rejection(checkpoint)


def test_empty_and_truncated_files_and_pointers_are_told(checkpoint):
    whole = checkpoint.read_bytes()
    for length in (64, len(whole) // 2, len(whole) - 1):
        checkpoint.write_bytes(whole[:length])
        assert "truncated" in rejection(checkpoint)
    checkpoint.write_bytes(b"")
    assert "empty" in rejection(checkpoint)
    checkpoint.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    assert "git lfs pull" in rejection(checkpoint)


def test_a_changed_weight_is_told(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    torch.load(checkpoint, weights_only=True)  # which does not notice
    assert "damaged" in rejection(checkpoint)


@pytest.mark.parametrize(
    "members",
    [{}, {"notes": "text"}, {"[Content_Types].xml": "<a/>"}, {"m/archive_format": "pt2"}, {"data.pkl": "top"}],
)
def test_archives_of_something_else_are_told(members, tmp_path):
    assert "no model of xray" in rejection(archive(tmp_path / "m.zip", members))


def test_an_archive_that_would_unpack_to_much_is_not_unpacked(tmp_path, monkeypatch):
    bomb = archive(tmp_path / "m.zip", {"m/data.pkl": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    monkeypatch.delattr(zipfile.ZipFile, "testzip")
    assert "no model of xray" in rejection(bomb)


def test_an_encrypted_archive_is_told(tmp_path):
    content = bytearray(archive(tmp_path / "m.zip", {"m/data.pkl": "x"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "m.zip").write_bytes(content)
    assert "no model of xray" in rejection(tmp_path / "m.zip")


def test_any_changed_byte_of_what_an_archive_holds_is_told(tmp_path):
    whole = archive(tmp_path / "m.zip", {"m/data.pkl": "x" * 20, "m/data/0": "y" * 20}).read_bytes()
    for held in (b"x" * 20, b"y" * 20):
        start = whole.index(held)
        for position in range(start, start + len(held)):
            changed = whole[:position] + bytes([whole[position] ^ 8]) + whole[position + 1 :]
            (tmp_path / "m.zip").write_bytes(changed)
            assert "is damaged" in rejection(tmp_path / "m.zip")


@pytest.mark.parametrize("value", [0, 255])
def test_whatever_byte_of_an_archive_is_changed_nothing_but_a_line_is_raised(value, tmp_path):
    whole = archive(tmp_path / "m.zip", {"m/data.pkl": "x" * 20, "m/data/0": "y" * 20}).read_bytes()
    for position in range(len(whole)):
        (tmp_path / "m.zip").write_bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
        with suppress(UserError):
            assert kind_of(tmp_path / "m.zip") == "checkpoint"
