"""Errors of the HTTP API."""

from collections.abc import Mapping
from dataclasses import dataclass

from xray.data.decode.pillow import READABLE_FORMATS
from xray.serve.responses import BadFile

ERRORS: Mapping[int, Mapping[str, str]] = {
    400: {"bad_request": "The request is not a well-formed multipart form."},
    401: {"unauthorized": "The bearer token is missing or wrong."},
    404: {"not_found": "There is no such path; /docs lists them."},
    405: {"method_not_allowed": "The path takes another method; see the header Allow."},
    413: {
        "too_large": "The request, a file or a text field is too large.",
        "too_many_files": "There are too many files in one request.",
        "too_many_pixels": "An image has too many pixels, by its header.",
    },
    415: {"unsupported_kind": f"A file is not {READABLE_FORMATS}."},
    422: {
        "unreadable": "A file cannot be decoded, or is not a chest projection by its DICOM tags.",
        "empty": "A file is empty.",
        "too_costly": "A file costs more memory or time than a decoder may use, or crashes it.",
        "invalid_form": "A field is missing or wrong.",
        "unknown_method": "The model has no such method of explanation.",
    },
    500: {"internal_error": "The service failed; the fault is logged under the request's ID."},
    503: {
        "overloaded": "Too many uploads or explanations are in progress; try again after Retry-After seconds.",
        "timed_out": "There was no result in time.",
        "not_ready": "The service is starting or stopping.",
        "stopped": "The service stopped before the response.",
    },
}
"""Codes of each status with their meaning, the default first; for the API documentation too."""
UNLISTED: Mapping[str, str] = {"error": "The request cannot be answered."}
"""The same for any other status."""


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
        default_code, default_message = next(iter(ERRORS.get(status, UNLISTED).items()))
        self.status = status
        self.message = message or default_message
        self.code = code or default_code
        self.files = files
        self.headers = dict(headers or {})
        super().__init__(self.message)


def unauthorized() -> ApiError:
    """Return the error of a request without the right token."""
    return ApiError(401, headers={"WWW-Authenticate": "Bearer"})


def too_many_files(limit: int) -> ApiError:
    """Return the error of a request with more files than the limit."""
    return ApiError(413, f"More than {limit} files in one request.", "too_many_files")


def busy(message: str, code: str = "overloaded", seconds: int = 1) -> ApiError:
    """Return an error with status 503 that asks the caller to try again after some seconds."""
    return ApiError(503, message, code, headers={"Retry-After": str(seconds)})
