"""Open the port that the service listens at, and read its bearer token."""

import errno
import os
import socket
from pathlib import Path

from xray.utils.errors import UserError, require_between

TOKEN_VARIABLE = "XRAY_TOKEN"
MIN_TOKEN = 16
"""Characters; a shorter token can be guessed."""
FIXES = {
    errno.EADDRNOTAVAIL: "the host is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all",
    errno.EADDRINUSE: "stop the program that listens there, or use another port such as 8080; 0 for any free one",
    errno.EACCES: "use a port from 1024 on, such as 8080, or run with the right to use this one",
}
"""What to do about an address that is not available."""


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
        UserError: The port is in use, not allowed or invalid, or there is no such host.
    """
    require_between("--port", port, 0, 65535)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise UserError(
            f"--host {host} is not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all."
        ) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listen at once, or another process could bind too.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        fix = FIXES.get(error.errno or 0, "use another host or port")
        raise UserError(f"--host {host} --port {port} is not available ({error.strerror}): {fix}.") from None
    return listener
