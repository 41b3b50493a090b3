"""Logs as one JSON object per line, without anything that identifies a patient or a caller."""

import json
import logging
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger("xray.serve")
CLIENT_CLOSED_REQUEST = 499
"""Status of a request whose caller left before the response."""


@dataclass
class RequestRecord:
    """Log record of a request: no file names, no addresses, no paths except the service's own.

    Args:
        request_id: Made by the service, never taken from the caller.
        model_version: See `Manifest.version`.
        method: HTTP method, or "other".
        route: A path of the service such as `/predict`; "unknown" for any other.
        status: HTTP status; `CLIENT_CLOSED_REQUEST` until there is a response.
        seconds: From the request's head to the end of the response.
        files: Files received.
        body_bytes: Bytes received.
        predicted: Images with a probability.
        rejected: Images that do not look like chest X-rays.
        code: Code of an error, see `xray.serve.errors`; None without one.
    """

    request_id: str
    model_version: str
    method: str
    route: str = "unknown"
    status: int = CLIENT_CLOSED_REQUEST
    seconds: float = 0.0
    files: int = 0
    body_bytes: int = 0
    predicted: int = 0
    rejected: int = 0
    code: str | None = None


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Of other libraries' records only the message pattern is written, not its arguments, and of errors only class and
    location: either may quote an upload.
    """

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": str(record.msg),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = location_of(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def location_of(error: BaseException) -> str:
    """Return class and location of an error, without its message."""
    frames = traceback.extract_tb(error.__traceback__, limit=-6)
    return " ".join([type(error).__name__, *(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)])


def log_request(record: RequestRecord) -> None:
    """Write the line of one finished request."""
    if LOGGER.isEnabledFor(logging.INFO):
        fields = asdict(record) | {"seconds": round(record.seconds, 6)}
        LOGGER.info("request", extra={"fields": fields})


def set_up_logs() -> None:
    """Send all logs of this process to stderr as JSON: ours from INFO, those of libraries from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.INFO)
    # Malformed forms are already in the line of their request.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
