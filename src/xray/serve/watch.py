"""Around every request: its number, its headers, its line in the log, and an answer whatever happens."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xray.serve.errors import ApiError, busy
from xray.serve.logs import LEFT, LOGGER, RequestRecord, log_request

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Browsers take nothing from any other place, and nothing written into a page."""

HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise."""

HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
DRAIN_SECONDS = 5.0


class Watch:
    """ASGI middleware; see the module.

    Args:
        app: What answers.
        version: Of the model.
        drain_bytes: How much of a request that is rejected early is still taken in: a connection that is closed with
            bytes unread may lose the answer.
        observe: Told of every request that has ended.
    """

    def __init__(self, app: ASGIApp, version: str, drain_bytes: int, observe: Callable[[RequestRecord], None]) -> None:
        self._app = app
        self._version = version
        self._drain_bytes = drain_bytes
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = _in_origin_form(scope["path"])
        record = open_record(scope, self._version)
        body = _Body(receive, scope)
        begun, started_at = False, time.perf_counter()

        async def send_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Model-Version"], headers["X-Request-ID"] = self._version, record.request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # What is on its way is taken in, so that the caller reads the answer; but not from who was too slow.
                if message["status"] >= 400 and message["status"] != 408:
                    await body.drain(self._drain_bytes)
                begun = True
                record.end(message["status"])
            await send(message)

        try:
            await self._app(scope, body.receive, send_on)
        except ClientDisconnect:
            # Nobody is there to be answered; the record's status says so.
            record.end(LEFT, "left")
        except asyncio.CancelledError:
            # The service stops, and its patience with what is under way has ended.
            record.code = "stopped"
            if begun:
                record.status = LEFT
                raise
            stopped = busy("The service stops before this was answered; ask again when it is back.", "stopped")
            await error_response(scope, stopped)(scope, body.receive, send_on)
        except Exception as error:  # noqa: BLE001 - an answer and a line in the log come before all else
            LOGGER.error("fault", exc_info=error, extra={"fields": {"request_id": record.request_id}})
            if not begun:
                await error_response(scope, ApiError(500, "The service failed; the fault is logged."))(
                    scope, body.receive, send_on
                )
        finally:
            record.seconds = time.perf_counter() - started_at
            route = scope.get("route")
            record.route = getattr(route, "path", None) or "unknown"
            self._observe(record)
            log_request(record)


def open_record(scope: Scope | None, version: str) -> RequestRecord:
    """The record of a request, or of what is none, made where there is none yet."""
    if scope is None:
        return RequestRecord(uuid.uuid4().hex, version, "other")
    method = scope["method"] if scope["method"] in HTTP_METHODS else "other"
    record: RequestRecord = scope.setdefault("state", {}).setdefault(
        "record", RequestRecord(uuid.uuid4().hex, version, method)
    )
    return record


def _in_origin_form(path: str) -> str:
    """A path without the address before it, which callers may send as if to a proxy: RFC 9112, section 3.2.2."""
    scheme, found, rest = path.partition("://")
    return "/" + rest.partition("/")[2] if found and scheme.lower() in {"http", "https"} else path


class _Body:
    """Knows whether all of a request has been received."""

    def __init__(self, receive: Receive, scope: Scope) -> None:
        self._receive = receive
        names = {name.lower() for name, _ in scope["headers"]}
        # Who waits for a word before sending has sent nothing that would have to be taken in.
        self._more = bool(names & {b"content-length", b"transfer-encoding"}) and b"expect" not in names

    async def receive(self) -> Message:
        message = await self._receive()
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def drain(self, most: int) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._more and most > 0:
                    most -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            logging.getLogger(__name__).debug("a rejected request went on for too long")


def record_of(request: Request) -> RequestRecord:
    """The record of a request under way, to be filled in."""
    record: RequestRecord = request.state.record
    return record


def error_response(scope: Scope, error: ApiError) -> Response:
    """The one shape of errors."""
    record: RequestRecord = scope["state"]["record"]
    record.code = record.code or error.code
    body = error.body(record.model_version, record.request_id)
    return Response(body, error.status, error.headers, "application/json")
