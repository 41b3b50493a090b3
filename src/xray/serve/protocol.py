"""HTTP/1.1 as uvicorn speaks it, with a limit on the time that a connection may be silent and one shape of errors."""

import asyncio
import json
import uuid

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""From the opening of a connection, or the first byte of a request, until its head is whole."""
REST_SECONDS = 30.0
"""For the rest of a request that is answered already; what arrives later is not waited for."""


class PatientProtocol(H11Protocol):
    """Closes connections on which nothing comes, or only byte by byte: uvicorn itself would keep them for ever."""

    model_version = ""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
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
        self._watch()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words are not ours
        """Answer what is no HTTP at all."""
        message = "This is no well-formed HTTP request."
        error = {"code": "bad_request", "message": message, "files": []}
        body = json.dumps(
            {"error": error, "model_version": self.model_version, "request_id": uuid.uuid4().hex}
        ).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            ("X-Model-Version", self.model_version),
        ]
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.write(self.conn.send(h11.Response(status_code=400, headers=headers, reason=b"Bad Request")))
            self.transport.write(self.conn.send(h11.Data(data=body)))
            self.transport.write(self.conn.send(h11.EndOfMessage()))
        self.transport.close()

    def _watch(self) -> None:
        if self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None:
            seconds = HEAD_SECONDS
        elif self.conn.their_state is h11.SEND_BODY and self.conn.our_state in {h11.DONE, h11.MUST_CLOSE}:
            seconds = REST_SECONDS
        else:
            self._stop_watching()
            return
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self.transport.close)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol_for(model_version: str) -> type[PatientProtocol]:
    """The protocol with a model's version, which its errors tell too."""
    return type("Protocol", (PatientProtocol,), {"model_version": model_version})
