"""HTTP/1.1 as uvicorn speaks it, with limits on connections that are silent, and one shape of errors."""

import asyncio
from collections.abc import Callable
from typing import cast

import h11
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from xray.serve.errors import ApiError
from xray.serve.logs import RequestRecord, log_request
from xray.serve.watch import HEADERS, open_record

HEAD_SECONDS = 15.0
"""From the opening of a connection, or the last answer on it, until the head of a request is whole."""
REST_SECONDS = 30.0
"""For the rest of a request that is answered already, and for answers to be read: nobody waits longer for them."""

GRACE_SECONDS = 1.0
"""In which a connection does not give way to others: of many that come at once, all may ask."""


class TimedProtocol(H11Protocol):
    """Closes connections on which nothing comes or goes, or only byte by byte: uvicorn would keep them for ever.

    They are closed when their time is over, and before that where others need their room: the longest silent first.
    """

    model_version: str
    observe: Callable[[RequestRecord], None]
    most_connections: int
    silent: "dict[TimedProtocol, float]"
    """All that owe a head, the rest of a request that is answered already, or do not read; the longest silent first."""
    _timer: asyncio.TimerHandle | None = None
    _all_received = False
    """Whether the caller has closed his side."""
    _held_up = False
    """Whether so much of answers is unread that nothing more is written."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        if self.silent and len(self.connections) >= self.most_connections:
            longest = next(iter(self.silent))
            if self.loop.time() - self.silent[longest] >= GRACE_SECONDS:
                longest._give_way()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """See `H11Protocol`."""
        super().on_response_complete()
        # By now a further request that came with the last one is under way.
        if self._all_received and self.cycle.response_complete:
            self.transport.close()
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer callers who close their side once all is sent; see `asyncio.Protocol`."""
        self._all_received = self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete
        return self._all_received

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().pause_writing()
        self._held_up = True
        self._watch()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().resume_writing()
        self._held_up = False
        self._stop_watching()
        self._watch()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words are not ours
        """Answer what is no HTTP, from its beginning or in the body of a request."""
        is_begun = self.cycle is not None and not self.cycle.response_complete
        record = open_record(cast("Scope", self.cycle.scope) if is_begun else None, self.model_version)
        is_owed = self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}
        if is_owed:
            error = ApiError(400, "This is no well-formed HTTP request, or its head is too long.")
            record.end(error.status, error.code)
            body = error.body(self.model_version, record.request_id)
            own = {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                "Connection": "close",
                "X-Model-Version": self.model_version,
                "X-Request-ID": record.request_id,
            }
            headers = list((HEADERS | own).items())
            self.transport.write(self.conn.send(h11.Response(status_code=400, headers=headers, reason=b"Bad Request")))
            if record.method != "HEAD":
                self.transport.write(self.conn.send(h11.Data(data=body)))
            self.transport.write(self.conn.send(h11.EndOfMessage()))
        self.transport.close()
        if is_begun:
            # What answers it learns that nobody listens any more, and ends its record.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        elif is_owed:
            self.observe(record)
            log_request(record)

    def _should_upgrade(self) -> bool:
        # Whoever asks for another protocol, such as WebSocket, is answered in this one: RFC 9110, section 7.8.
        return False

    def _watch(self) -> None:
        ours, theirs = self.conn.our_state, self.conn.their_state
        is_closing_unread = self.transport.is_closing() and self.transport.get_write_buffer_size() > 0
        if self._held_up or is_closing_unread:
            seconds = REST_SECONDS
        elif theirs is h11.IDLE and not self.transport.is_closing():
            seconds = REST_SECONDS if self.transport.get_write_buffer_size() else HEAD_SECONDS
        elif theirs is h11.SEND_BODY and ours in {h11.DONE, h11.MUST_CLOSE} and not self.transport.is_closing():
            seconds = REST_SECONDS
        else:
            self._stop_watching()
            return
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._give_way)
            self.silent[self] = self.loop.time()

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            del self.silent[self]

    def _give_way(self) -> None:
        self._stop_watching()
        # Closing takes a turn of the event loop or more, in which it should not count against others.
        self.connections.discard(self)
        # Closing would wait for what is unread to be read.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def protocol_for(
    model_version: str, observe: Callable[[RequestRecord], None], most_connections: int
) -> type[TimedProtocol]:
    """The protocol of one service.

    Args:
        model_version: Told by its errors.
        observe: Told of what was no request at all.
        most_connections: From these on the longest silent gives way for each new one.
    """
    own = {"model_version": model_version, "observe": staticmethod(observe), "silent": {}}
    return type("Protocol", (TimedProtocol,), own | {"most_connections": most_connections})
