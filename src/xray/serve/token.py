"""The bearer token of the service."""

import os
from pathlib import Path

from xray.utils.errors import UserError

TOKEN_VARIABLE = "XRAY_TOKEN"
MIN_TOKEN = 16
"""Characters; a shorter token can be guessed."""


def read_token(token_file: Path | None) -> str | None:
    """Return the token that callers must send; None if no token is required.

    Raises:
        UserError: The file cannot be read, or the token is too short or not plain ASCII.
    """
    if token_file is None:
        token, source = os.environ.get(TOKEN_VARIABLE, ""), f"The variable {TOKEN_VARIABLE}"
        if not token:
            return None
    else:
        source = f"--token_file {token_file}"
        try:
            token = token_file.read_text("ascii")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not plain ASCII"
            raise UserError(f"{source} cannot be read ({reason}): give a file that holds the token.") from None
    token = token.strip()
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(
            f"{source} does not hold a token of at least {MIN_TOKEN} ASCII characters without spaces: make one with "
            "'openssl rand -hex 32'."
        )
    return token
