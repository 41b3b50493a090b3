"""Where a service listens, and the token that its callers have to show."""

import errno
import os
import socket
from pathlib import Path

from xray.utils.errors import UserError, require_between

TOKEN_VARIABLE = "XRAY_TOKEN"
LEAST_TOKEN = 16
"""Characters; shorter ones can be guessed."""
MENDS = {
    errno.EADDRNOTAVAIL: "the host is no address of this machine; take 127.0.0.1, or 0.0.0.0 for all",
    errno.EADDRINUSE: "stop what listens there, or take another port, such as 8080; 0 takes any that is free",
    errno.EACCES: "take a port from 1024 upwards, such as 8080, or ask for the right to use this one",
}
"""What to do about an address that cannot be listened at."""


def read_token(token_file: Path | None) -> str | None:
    """The token that callers have to show; None where everybody may ask.

    Raises:
        UserError: The file cannot be read, or the token is too short or no plain text.
    """
    if token_file is None:
        token, place = os.environ.get(TOKEN_VARIABLE, "").strip(), f"The variable {TOKEN_VARIABLE}"
        if not token:
            return None
    else:
        place = f"--token_file {token_file}"
        try:
            token = token_file.read_text("ascii").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no plain text"
            raise UserError(f"{place} cannot be read ({reason}): name a file that holds the token.") from None
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(
            f"{place} holds no token of at least {LEAST_TOKEN} plain characters: make one with 'openssl rand -hex 32'."
        )
    return token


def listen(host: str, port: int) -> socket.socket:
    """Open a port.

    Raises:
        UserError: It is in use, not allowed or no port, or there is no such host.
    """
    require_between("--port", port, 0, 65535)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError):
        raise UserError(f"--host {host} is no address of this machine: take 127.0.0.1, or 0.0.0.0 for all.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # At once, or another process could bind too.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        mend = MENDS.get(error.errno or 0, "take another host or port")
        raise UserError(f"--host {host} --port {port} cannot be listened at ({error.strerror}): {mend}.") from None
    return listener
