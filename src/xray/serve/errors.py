"""What a caller is told when a request is not answered: always one shape."""

from collections.abc import Mapping

from xray.serve.answers import BadFile, ErrorBody, ErrorDetail

CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_kind",
    422: "unprocessable",
    500: "internal_error",
    503: "overloaded",
}
"""A word for programs beside each status."""

MEANINGS: Mapping[int, str] = {
    400: "The request is no well-formed multipart form, or no well-formed HTTP.",
    401: "The bearer token is missing or wrong.",
    404: "There is no such path.",
    405: "The path takes another method: see the header Allow.",
    408: "The request did not arrive in time.",
    413: "There are too many files, fields, bytes or pixels.",
    415: "A file, or the request itself, is of a kind that is not read.",
    422: "A file cannot be decoded or is no chest projection by its tags, or a field is missing or wrong.",
    500: "The service failed; the fault is logged.",
    503: "Busy, or about to stop: ask again after the seconds of the header Retry-After.",
}
"""Descriptions for the documentation of the service."""


class ApiError(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status.
        message: What is wrong and how to mend it, for people; names no more of the request than its caller knows.
        code: A word for programs, where the status's own in `CODES` is too wide.
        files: The files that are to blame.
        headers: Further headers of the answer.
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
        """The answer, as JSON."""
        detail = ErrorDetail(code=self.code, message=self.message, files=list(self.files))
        return ErrorBody(error=detail, model_version=version, request_id=request_id).model_dump_json().encode()


def busy(message: str, code: str = "overloaded", seconds: int = 1) -> ApiError:
    """A rejection that asks the caller to come again.

    Args:
        message: Why.
        code: A word for programs.
        seconds: When to ask again.
    """
    return ApiError(503, message, code, headers={"Retry-After": str(seconds)})
