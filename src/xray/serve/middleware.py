"""ASGI middleware around every request: limits, request ID, headers, a log line, and a response after any failure."""

import asyncio
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xray.serve.errors import ApiError, busy, unauthorized
from xray.serve.logs import LOGGER, RequestRecord, log_request
from xray.serve.responses import ErrorBody, ErrorDetail
from xray.serve.settings import MEGABYTE, Settings

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY: Final = PAGE_POLICY.replace("-src 'self';", "-src 'self' 'unsafe-inline';")
"""Swagger UI starts from a script within its page."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response that does not set them itself."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
"""HTTP methods logged by name; any other is logged as "other"."""


@dataclass
class Load:
    """Uploads in progress, and the bytes that they hold in memory."""

    uploads: int = 0
    held_bytes: int = 0


class RequestMiddleware:
    """The middleware described above.

    Args:
        app: The application.
        version: Version of the model.
        settings: Limits.
        load: Where uploads in progress are counted.
        observe: Called with the record of every finished request.
    """

    def __init__(
        self,
        app: ASGIApp,
        version: str,
        settings: Settings,
        load: Load,
        observe: Callable[[RequestRecord], None],
    ) -> None:
        self._app = app
        self._version = version
        self._settings = settings
        self._load = load
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limit requests, add ID and headers, log one line, and respond after any failure."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        record = RequestRecord(uuid.uuid4().hex, self._version, method, _route_of(scope))
        scope.setdefault("state", {})["record"] = record
        if method == "HEAD":
            # Answered like GET; the server leaves out the body.
            scope = {**scope, "method": "GET"}
        started_at, has_started = perf_counter(), False
        policy = DOCS_POLICY if scope["path"].startswith("/docs") else PAGE_POLICY

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                record.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Model-Version"], headers["X-Request-ID"] = self._version, record.request_id
                headers.setdefault("Content-Security-Policy", policy)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._within_limits(scope, receive, send_with_headers)
        except ClientDisconnect:
            record.code = "left"
        except asyncio.CancelledError:
            # The service stops, and the time for requests in progress is over.
            record.code = "stopped"
            if has_started:
                raise
            stopped = busy("The service stopped before this was answered; try again.", "stopped")
            await error_response(record, stopped)(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the caller gets a response and the log a line, whatever failed
            LOGGER.error("fault", exc_info=error, extra={"fields": {"request_id": record.request_id}})
            if not has_started:
                await error_response(record, ApiError(500))(scope, receive, send_with_headers)
        finally:
            record.seconds = perf_counter() - started_at
            self._observe(record)
            log_request(record)

    async def _within_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request within the limits of number and size; others get an error response."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        record: RequestRecord = scope["state"]["record"]
        # Checked before the body is received: callers without the token take no memory and no place in the queue.
        error = None if self._may_upload(scope) else unauthorized()
        counted = error is None
        self._load.uploads += counted
        try:
            body = await self._read_body(receive, record, error)
            await self._app(scope, _replay(body, receive), send)
        except ApiError as raised:
            await error_response(record, raised)(scope, receive, send)
        finally:
            self._load.uploads -= counted
            self._load.held_bytes -= record.body_bytes

    def _may_upload(self, scope: Scope) -> bool:
        scheme, _, value = Headers(scope=scope).get("authorization", "").partition(" ")
        token = self._settings.token
        return token is None or (scheme.lower() == "bearer" and is_token(value.strip(), token))

    async def _read_body(self, receive: Receive, record: RequestRecord, error: ApiError | None) -> bytes:
        """Receive the whole body. Beyond a limit the rest is discarded: closing early could lose the response.

        Args:
            receive: Receives the messages of the request.
            record: Where the bytes are counted.
            error: An error that is known already; the whole body is then discarded.

        Raises:
            ApiError: `error`, or the body is too large, or there are too many uploads.
            ClientDisconnect: The caller left.
        """
        if not error and self._load.uploads > self._settings.queue:
            error = busy(f"{self._settings.queue} uploads are in progress; try again in a moment.")
        body, discarded, more = bytearray(), 0, True
        while more and discarded <= self._settings.request_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            if error:
                discarded += len(chunk)
                continue
            record.body_bytes += len(chunk)
            self._load.held_bytes += len(chunk)
            body += chunk
            if record.body_bytes > self._settings.request_bytes:
                error = ApiError(413, f"The request is larger than {self._settings.request_bytes / MEGABYTE:g} MB.")
            elif self._load.held_bytes > self._settings.held_bytes:
                error = busy("The uploads in progress fill the memory reserved for them; try again in a moment.")
        if error:
            raise error
        return bytes(body)


def _route_of(scope: Scope) -> str:
    """Return the registered path that a request matches, such as `/predict`; "unknown" if there is none."""
    for route in scope["app"].routes:
        if route.matches(scope)[0] != Match.NONE:
            return str(route.path)
    return "unknown"


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that returns the body in one message, and then passes on what follows it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def is_token(value: str, token: str) -> bool:
    """Compare in constant time, so that response times do not reveal how many characters match."""
    return secrets.compare_digest(value.encode(), token.encode())


def record_of(request: Request) -> RequestRecord:
    """Return the log record of a request in progress."""
    record: RequestRecord = request.state.record
    return record


def error_response(record: RequestRecord, error: ApiError) -> Response:
    """Return an error as a response; all errors have this shape."""
    record.code = error.code
    detail = ErrorDetail(code=error.code, message=error.message, files=list(error.files))
    body = ErrorBody(error=detail, model_version=record.model_version, request_id=record.request_id)
    return Response(body.model_dump_json(), error.status, error.headers, "application/json")
