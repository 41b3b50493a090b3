"""A light client of a service on this machine: so many callers, each with its next image as soon as one is answered.

Requests are built beforehand and go over plain sockets that stay open, so that the client takes little of the cores
that it shares with the service; what it takes is measured.
"""

import itertools
import math
import os
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
BOUNDARY = b"image-7f3a91c2"
PATIENCE = 90.0
"""Seconds after which a request without an answer counts as lost."""
PAUSE = 0.05
"""Seconds that a caller waits after a rejection, or where a connection failed."""


@dataclass
class Load:
    """What came of many requests.

    Args:
        seconds: From the first request to the end of sending.
        latencies: Seconds of each request that was answered with 200, in the order of the answers.
        statuses: Requests by status of their answer, in time or later.
        in_time: Answers with 200 before the end of sending.
        lost: Requests without an answer, by what happened instead.
        client_seconds: Processor time of the client itself.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    in_time: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    client_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Images answered per second."""
        return self.in_time / self.seconds

    def expect(self, *statuses: int) -> None:
        """Assert that every request was answered, and with one of these statuses."""
        assert not self.lost, f"lost: {dict(self.lost)}"
        assert set(self.statuses) <= set(statuses), f"statuses: {dict(self.statuses)}"

    def percentile(self, share: float) -> float:
        """Latency in seconds that this share of the answers, from 0 to 1, stayed within; NaN without answers."""
        ordered = sorted(self.latencies) or [math.nan]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def full_size_images(folder: Path) -> list[bytes]:
    """Content of all `*.jpeg` files in NORMAL and PNEUMONIA, the classes mixed.

    Raises:
        FileNotFoundError: There is none.
    """
    images = [path.read_bytes() for path in sorted(folder.glob("*/*.jpeg"), key=lambda path: path.name[::-1])]
    if not images:
        raise FileNotFoundError(f"{folder} holds no *.jpeg files in folders NORMAL and PNEUMONIA.")
    return images


def form_request(
    path: str, file_field: str, content: bytes, name: bytes = b"image.jpeg", fields: Mapping[str, str] | None = None
) -> bytes:
    """One request with one file, as bytes of HTTP/1.1.

    Args:
        path: Path of the service.
        file_field: Field that the file goes into.
        content: The file.
        name: Its name; written as it is, whatever is in it.
        fields: Other fields of the form.
    """
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (BOUNDARY, key.encode(), value.encode())
        for key, value in (fields or {}).items()
    ]
    parts.append(
        b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: image/jpeg\r\n\r\n'
        % (BOUNDARY, file_field.encode(), name)
    )
    body = b"".join([*parts, content, b"\r\n--%s--\r\n" % BOUNDARY])
    head = (
        b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (path.encode(), HOST.encode(), BOUNDARY, len(body)) + body


class Caller:
    """One connection, opened anew where the service has closed it. No request is ever sent twice.

    Args:
        port: Port of the service.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and wait for its answer.

        Returns:
            Status and body.

        Raises:
            OSError: There was no whole answer.
        """
        try:
            return self._exchange(self._open(), request)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        # Between requests a service may close; a connection with something to read has come to its end.
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _exchange(self, connection: socket.socket, request: bytes) -> tuple[int, bytes]:
        # A request may be rejected before it is all there: then sending fails, and there is an answer to read.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += _some(connection)
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.lower().split(b"\r\n")
        headers = {name.strip(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        parts, missing = [body], int(headers[b"content-length"]) - len(body)
        while missing > 0:
            parts.append(_some(connection))
            missing -= len(parts[-1])
        if headers.get(b"connection") == b"close":
            self.close()
        return int(first.split()[1]), b"".join(parts)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(2**18)
    if not data:
        raise ConnectionError("closed before the answer was whole")
    return data


def load(port: int, requests: Sequence[bytes], clients: int, seconds: float = 0.0, count: int = 0) -> Load:
    """Let callers send requests in turn, each its next as soon as the last is answered.

    Args:
        port: Port of the service.
        requests: What to send, again and again.
        clients: Callers at a time.
        seconds: How long to send; what is under way then is waited for.
        count: How many to send instead.
    """
    result, lock = Load(), threading.Lock()
    turns: Iterator[int] = itertools.count() if seconds else iter(range(count))
    began = [time.perf_counter()]

    def call() -> None:
        caller = Caller(port)
        together.wait()
        while not seconds or time.perf_counter() < began[0] + seconds:
            with lock:
                turn = next(turns, None)
            if turn is None:
                break
            start = time.perf_counter()
            try:
                status, _ = caller.ask(requests[turn % len(requests)])
            except OSError as error:
                with lock:
                    result.lost[f"{type(error).__name__}: {error}"] += 1
                time.sleep(PAUSE)
                continue
            end = time.perf_counter()
            with lock:
                result.statuses[status] += 1
                if status == 200:
                    result.latencies.append(end - start)
                    result.in_time += not seconds or end <= began[0] + seconds
            if status == 503:
                time.sleep(PAUSE)
        caller.close()

    together = threading.Barrier(clients, lambda: began.__setitem__(0, time.perf_counter()))
    threads = [threading.Thread(target=call) for _ in range(clients)]
    before = sum(os.times()[:2])
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = seconds or time.perf_counter() - began[0]
    result.client_seconds = sum(os.times()[:2]) - before
    return result
