"""What one request may take, and how many there may be at a time."""

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
        held_bytes: Size of all that is held in memory of requests at a time.
        pixels: Pixels of one picture.
        queue: Requests that are received, waited for or answered at a time; more are rejected.
        explanations: As `queue`, for explanations alone: one is computed at a time, the others wait.
        batch: Images in one pass through the network.
        receive_seconds: Time for a request to arrive in full.
        answer_seconds: Time from there to its answer.
        token: What a caller has to show; None where everybody may ask.

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
    receive_seconds: float = 60.0
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
        require_between("--receive_seconds", self.receive_seconds, 0.01, 3600)
        require_between("--answer_seconds", self.answer_seconds, 0.01, 3600)
