"""A load generator for a service on this machine: clients that send their next image as soon as one is answered."""

import itertools
import math
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

HOST = "127.0.0.1"
BOUNDARY = b"image-7f3a91c2"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
TIMEOUT = 90.0
"""Seconds after which a request without a response counts as lost."""
PAUSE = 0.05
"""Seconds that a client waits after a rejection or a failed connection."""


@dataclass
class Load:
    """Result of many requests.

    Args:
        seconds: From the first request to the end of sending.
        latencies: Seconds of each request with status 200.
        statuses: Number of responses by status.
        in_time: Responses with status 200 before the end of sending.
        lost: Requests without a response, by their error.
        client_seconds: CPU time of the clients.
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
        """Return the latency in seconds that this share of the responses, from 0 to 1, stayed within."""
        ordered = sorted(self.latencies) or [math.nan]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def full_size_images(folder: Path) -> list[bytes]:
    """Return the content of all `*.jpeg` files in NORMAL and PNEUMONIA, the classes mixed.

    Raises:
        FileNotFoundError: There is none.
    """
    images = [path.read_bytes() for path in sorted(folder.glob("*/*.jpeg"), key=lambda path: path.name[::-1])]
    if not images:
        raise FileNotFoundError(f"{folder} holds no *.jpeg files in folders NORMAL and PNEUMONIA.")
    return images


def form(file_field: str, content: bytes, name: bytes = b"image.jpeg") -> bytes:
    """Return a multipart form with one file; its name is written unchanged, whatever is in it."""
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head % (BOUNDARY, file_field.encode(), name) + content + b"\r\n--%s--\r\n" % BOUNDARY


def load(
    port: int, forms: Sequence[bytes], clients: int, seconds: float = 0.0, count: int = 0, path: str = "/predict"
) -> Load:
    """Let clients send forms in turn, each its next one as soon as the last is answered.

    Args:
        port: Port of the service.
        forms: What to send, again and again.
        clients: Concurrent clients.
        seconds: How long to send; requests in progress are then waited for.
        count: Number of requests to send instead.
        path: Path of the service.
    """
    result, lock = Load(), threading.Lock()
    turns: Iterator[int] = itertools.count() if seconds else iter(range(count))
    started_at = time.perf_counter()

    def run_client() -> None:
        connection = HTTPConnection(HOST, port, timeout=TIMEOUT)
        while not seconds or time.perf_counter() < started_at + seconds:
            with lock:
                turn = next(turns, None)
            if turn is None:
                break
            start = time.perf_counter()
            try:
                connection.request("POST", path, forms[turn % len(forms)], HEADERS)
                response = connection.getresponse()
                response.read()
            except (OSError, HTTPException) as error:
                connection.close()
                with lock:
                    result.lost[f"{type(error).__name__}: {error}"] += 1
                time.sleep(PAUSE)
                continue
            end = time.perf_counter()
            with lock:
                result.statuses[response.status] += 1
                if response.status == 200:
                    result.latencies.append(end - start)
                    result.in_time += not seconds or end <= started_at + seconds
            if response.status == 503:
                time.sleep(PAUSE)
        connection.close()

    threads = [threading.Thread(target=run_client) for _ in range(clients)]
    before = sum(os.times()[:2])
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.seconds = seconds or time.perf_counter() - started_at
    result.client_seconds = sum(os.times()[:2]) - before
    return result
