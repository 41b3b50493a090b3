"""Open the port that the service listens on."""

import socket

from xray.utils.errors import UserError, require_between


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket and listen.

    Raises:
        UserError: The port is in use, not allowed or invalid, or the host is not an address of this machine.
    """
    require_between("--port", port, 0, 65535)
    is_ipv6 = ":" in host
    try:
        listener = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if is_ipv6 else socket.AF_INET,
            dualstack_ipv6=is_ipv6,
            backlog=2048,
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"Cannot listen on --host {host} --port {port} ({reason}): use an address of this machine, such as "
            "127.0.0.1 or 0.0.0.0 for all, and a free port from 1024 on, or 0 for any free one."
        ) from None
    # Connections inherit it. asyncio does not set it for this kind of socket, and each response would take 40 ms more.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
