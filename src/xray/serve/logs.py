"""One JSON object for each line of the log; nothing in it tells whom a request was about or who sent it."""

import asyncio
import json
import logging
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger("xray.serve")


LEFT = 499
"""Status of a request that was not answered: its caller left before."""


@dataclass
class RequestRecord:
    """What is counted and logged of a request: no names of files, no addresses, no paths but those of our routes.

    Args:
        request_id: Made by the service; never taken from the caller.
        model_version: See `Manifest.version`.
        method: HTTP method, or "other".
        route: Path as registered, such as `/predict`; "unknown" for any other.
        status: HTTP status; `LEFT` until it is answered.
        seconds: From the head of the request to the end of the answer.
        files: Files received.
        file_bytes: Their bytes together.
        predicted: Images with a probability.
        rejected: Images that do not look like chest X-rays.
        code: Of an error, see `xray.serve.errors`.
    """

    request_id: str
    model_version: str
    method: str
    route: str = "unknown"
    status: int = LEFT
    seconds: float = 0.0
    files: int = 0
    file_bytes: int = 0
    predicted: int = 0
    rejected: int = 0
    code: str | None = None

    def end(self, status: int, code: str | None = None) -> None:
        """Note the first answer; what comes after it does not reach the caller."""
        if self.status == LEFT:
            self.status, self.code = status, code or self.code


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON.

    Of other libraries' records only the pattern is written, not what is filled in, and of errors only their class and
    place: either may quote what was sent.
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
            line["error"] = place_of(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def place_of(error: BaseException) -> str:
    """Class and place of an error, without its message."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join([type(error).__name__, *frames[-6:]])


def log_request(record: RequestRecord) -> None:
    """Write the line of one request that has ended."""
    if LOGGER.isEnabledFor(logging.INFO):
        fields = asdict(record) | {"seconds": round(record.seconds, 6)}
        LOGGER.info("request", extra={"fields": fields})


def is_news(record: logging.LogRecord) -> bool:
    """Whether uvicorn tells of something else than a request that is no HTTP, or that ended with the service."""
    is_end = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not is_end and str(record.msg) != "Invalid HTTP request received."


def set_up_logs() -> None:
    """Send all logs of this process to stderr as JSON: ours from INFO upwards, others' from WARNING."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.INFO)
    # They tell of what the line of the request tells already.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(is_news)
