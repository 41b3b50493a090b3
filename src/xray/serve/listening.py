"""Open the port that the service listens at, and read its bearer token."""

import os
import socket
from pathlib import Path

from xray.utils.errors import UserError, require_between

TOKEN_VARIABLE = "XRAY_TOKEN"
MIN_TOKEN = 16
"""Characters; a shorter token can be guessed."""


def read_token(token_file: Path | None) -> str | None:
    """Return the token that callers must send; None if anybody may ask.

    Raises:
        UserError: The file cannot be read, or the token is too short or not plain ASCII.
    """
    if token_file is None:
        token, source = os.environ.get(TOKEN_VARIABLE, "").strip(), f"The variable {TOKEN_VARIABLE}"
        if not token:
            return None
    else:
        source = f"--token_file {token_file}"
        try:
            token = token_file.read_text("ascii").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not plain ASCII"
            raise UserError(f"{source} cannot be read ({reason}): name a file that holds the token.") from None
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(
            f"{source} does not hold a token of at least {MIN_TOKEN} ASCII characters without spaces: make one with "
            "'openssl rand -hex 32'."
        )
    return token


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
            f"Cannot listen at --host {host} --port {port} ({reason}): use an address of this machine, such as "
            "127.0.0.1 or 0.0.0.0 for all, and a free port from 1024 on, or 0 for any free one."
        ) from None
    # Connections inherit it. asyncio does not set it for this kind of socket, and each response would take 40 ms more.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
