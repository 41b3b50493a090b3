"""Which tokens a service takes."""

from pathlib import Path

import pytest

from xray.serve.token import read_token
from xray.utils.errors import UserError


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRAY_TOKEN", "another-long-enough-one")
    file = tmp_path / "token"
    file.write_text("correct-horse-battery\n")
    assert read_token(file) == "correct-horse-battery"
    assert read_token(None) == "another-long-enough-one"
    file.write_text("short")
    with pytest.raises(UserError, match="at least 16"):
        read_token(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_token(tmp_path / "none")


def test_a_blank_variable_is_an_error_and_an_empty_one_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRAY_TOKEN", "")
    assert read_token(None) is None
    monkeypatch.setenv("XRAY_TOKEN", " \n")
    with pytest.raises(UserError, match="XRAY_TOKEN does not hold a token"):
        read_token(None)
