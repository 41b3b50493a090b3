"""Where a service may listen, and which tokens it takes."""

import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from xray.serve.listening import listen, read_token
from xray.utils.errors import UserError


def test_the_token_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_addresses_that_cannot_be_had_are_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port} is not available"):
            listen("127.0.0.1", port)
    with pytest.raises(UserError, match="not an address of this machine"):
        listen("no such host", 8000)
    with pytest.raises(UserError, match=r"--host 8\.8\.8\.8 .*: the host is not an address of this machine"):
        listen("8.8.8.8", 0)
    with pytest.raises(UserError, match="out of range"):
        listen("127.0.0.1", 70_000)


def test_a_port_that_is_not_allowed_is_told_apart_from_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(socket.socket):
        def bind(self, address: Any) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refused)
    with pytest.raises(UserError, match=r"--port 80 .*\(Permission denied\): use a port from 1024"):
        listen("127.0.0.1", 80)
