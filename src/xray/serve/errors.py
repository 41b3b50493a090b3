"""Errors of the HTTP API."""

from collections.abc import Mapping
from dataclasses import dataclass

from xray.serve.responses import BadFile

ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("bad_request", "The request is not a well-formed multipart form."),
    401: ("unauthorized", "The bearer token is missing or wrong."),
    404: ("not_found", "There is no such path; /docs lists them."),
    405: ("method_not_allowed", "The path takes another method; see the header Allow."),
    413: ("too_large", "Too many files, bytes or pixels."),
    415: ("unsupported_kind", "A file is neither JPEG, PNG nor DICOM."),
    422: (
        "unprocessable",
        "A file cannot be decoded, is not a chest projection by its DICOM tags, or a field is missing or wrong.",
    ),
    500: ("internal_error", "The service failed; the fault is logged."),
    503: ("overloaded", "Busy or stopping; try again after the seconds of the header Retry-After."),
}
"""Default code and message of each status; the messages also describe it in the API documentation."""


@dataclass(frozen=True)
class FileFault:
    """Why a file cannot be used.

    Args:
        status: HTTP status of a request that holds it.
        code: Error code for programs.
        reason: What is wrong with it, for people.
    """

    status: int
    code: str
    reason: str


class ApiError(Exception):
    """A request that gets an error response.

    Args:
        status: HTTP status.
        message: What is wrong and what to do, for people; by default that of the status in `ERRORS`. Quotes nothing of
            the request that its caller does not know.
        code: Error code for programs; by default that of the status.
        files: The files that cannot be used.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        code: str | None = None,
        files: tuple[BadFile, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        default_code, default_message = ERRORS.get(status, ("error", "The request cannot be answered."))
        self.status = status
        self.message = message or default_message
        self.code = code or default_code
        self.files = files
        self.headers = dict(headers or {})
        super().__init__(self.message)


def unauthorized() -> ApiError:
    """Return the error of a request without the right token."""
    return ApiError(401, headers={"WWW-Authenticate": "Bearer"})


def busy(message: str, code: str = "overloaded", seconds: int = 1) -> ApiError:
    """Return an error with status 503 that asks the caller to try again after some seconds."""
    return ApiError(503, message, code, headers={"Retry-After": str(seconds)})
