"""Limits of the HTTP service."""

from dataclasses import dataclass

from xray.utils.errors import UserError, require_between

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
        explanations: The same for explanations: one is computed at a time, the others wait.
        batch: Images in one pass through the network.
        answer_seconds: Time from the end of an upload to its response.
        token: Bearer token that callers must send; None if anybody may ask.

    Raises:
        UserError: A limit is out of range.
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

    def __post_init__(self) -> None:
        require_between("--files", self.files, 1, 1000)
        most = self.held_bytes / MEGABYTE
        require_between("--file_mb", self.file_bytes / MEGABYTE, 1e-6, most)
        require_between("--request_mb", self.request_bytes / MEGABYTE, 1e-6, most)
        if self.request_bytes < self.file_bytes:
            raise UserError(
                f"--request_mb {self.request_bytes / MEGABYTE:g} is less than --file_mb "
                f"{self.file_bytes / MEGABYTE:g}, the largest file in it: raise the one or lower the other."
            )
        require_between("--megapixels", self.pixels / 1e6, 1e-6, 200)
        require_between("--queue", self.queue, 1, 10_000)
        require_between("--batch", self.batch, 1, 1024)
        require_between("--answer_seconds", self.answer_seconds, 0.01, 3600)
