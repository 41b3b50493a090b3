"""Limits of the HTTP service."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Limits of the service.

    Args:
        files: Files in one request.
        file_bytes: Size of one file.
        request_bytes: Size of one request.
        held_bytes: Size of all requests in progress together.
        pixels: Pixels of one image.
        queue: Uploads in progress at a time; more get status 503.
        explanations: Explanations in progress at a time; more get status 503.
        batch: Images in one pass through the network.
        answer_seconds: Time from the end of an upload to its response.
        token: Bearer token that callers must send; None if no token is required.
    """

    files: int = 16
    file_bytes: int = 32 * MEGABYTE
    request_bytes: int = 64 * MEGABYTE
    held_bytes: int = 512 * MEGABYTE
    pixels: int = 50_000_000
    queue: int = 128
    explanations: int = 4
    batch: int = 32
    answer_seconds: float = 30.0
    token: str | None = None
