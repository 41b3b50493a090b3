"""Errors of the HTTP API, all in one shape."""

from collections.abc import Mapping

from xray.serve.answers import BadFile, ErrorBody, ErrorDetail

CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_kind",
    422: "unprocessable",
    500: "internal_error",
    503: "overloaded",
}
"""Error code of each status, unless a more specific one is given."""

MEANINGS: Mapping[int, str] = {
    400: "The request is not a well-formed multipart form.",
    401: "The bearer token is missing or wrong.",
    404: "No such path.",
    405: "The path takes another method; see the header Allow.",
    413: "Too many files, bytes or pixels.",
    415: "A file is neither JPEG, PNG nor DICOM.",
    422: "A file cannot be decoded, is not a chest projection by its DICOM tags, or a field is missing or wrong.",
    500: "The service failed; the fault is logged.",
    503: "Busy or stopping; try again after the seconds of the header Retry-After.",
}
"""Descriptions for the API documentation."""


class BadFileError(Exception):
    """A file that cannot be used; the message says why.

    Args:
        status: HTTP status of a request that holds it.
        code: Error code for programs.
        reason: For people.
    """

    def __init__(self, status: int, code: str, reason: str) -> None:
        # All three, so that the error can be pickled on its way from a worker process.
        super().__init__(status, code, reason)
        self.status = status
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class ApiError(Exception):
    """A request that gets an error response.

    Args:
        status: HTTP status.
        message: What is wrong and what to do, for people; holds nothing of the request that its caller does not know.
        code: Error code for programs, if more specific than that of the status in `CODES`.
        files: The files that cannot be used.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        files: tuple[BadFile, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES.get(status, "error")
        self.files = files
        self.headers = dict(headers or {})

    def body(self, version: str, request_id: str) -> bytes:
        """Return the response body as JSON."""
        detail = ErrorDetail(code=self.code, message=self.message, files=list(self.files))
        return ErrorBody(error=detail, model_version=version, request_id=request_id).model_dump_json().encode()


def unauthorized() -> ApiError:
    """Return the error of a request without the right token."""
    return ApiError(401, MEANINGS[401], headers={"WWW-Authenticate": "Bearer"})


def busy(message: str, code: str = "overloaded", seconds: int = 1) -> ApiError:
    """Return an error with status 503 that asks the caller to try again.

    Args:
        message: Why.
        code: Error code for programs.
        seconds: When to try again.
    """
    return ApiError(503, message, code, headers={"Retry-After": str(seconds)})
