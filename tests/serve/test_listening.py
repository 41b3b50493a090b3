"""Where a service may listen."""

import socket

import pytest

from xray.serve.listening import listen
from xray.utils.errors import UserError


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_listens_on_addresses_of_this_machine(host: str) -> None:
    with listen(host, 0) as listener:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        assert listener.family == family
        assert listener.getsockname()[1] > 0
        with socket.create_connection(listener.getsockname()[:2]), listener.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "responses would be delayed"


def test_addresses_that_are_not_available_give_a_one_line_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--host 127.0.0.1 --port {port} .*in use"):
            listen("127.0.0.1", port)
    for host in ("no such host", "8.8.8.8"):
        with pytest.raises(UserError, match=f"--host {host} .*use an address of this machine"):
            listen(host, 0)
    with pytest.raises(UserError, match="out of range"):
        listen("127.0.0.1", 70_000)
