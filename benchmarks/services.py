"""Run a service in a process of its own, and measure its CPU time and memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from load import HOST

READY_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """A service that is ready.

    Args:
        port: Where it listens.
        process: Its process.
        log: File of its standard error.
        ready_after: Seconds from its start to its first answer at /ready.
    """

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    ready_after: float

    def cpu_seconds(self) -> float:
        """Return the CPU time of its processes, including workers that have ended."""
        stats = [_fields(process) for process in self._processes()]
        ended = sum(int(field) for field in stats[0][13:15])
        return (ended + sum(int(field) for stat in stats for field in stat[11:13])) / os.sysconf("SC_CLK_TCK")

    def mebibytes(self) -> float:
        """Return the anonymous memory of its processes (RssAnon), in MiB."""
        statuses = [Path(f"/proc/{process}/status").read_text(encoding="utf-8") for process in self._processes()]
        return sum(int(status.partition("RssAnon:")[2].split()[0]) for status in statuses) / 1024

    def _processes(self) -> list[int]:
        """Return the process IDs of the service and then of its decoding workers."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [self.process.pid, *(int(child) for task in tasks for child in task.read_text(encoding="utf-8").split())]


def _fields(process: int) -> list[str]:
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


@contextmanager
def running(words: Sequence[str], folder: Path) -> Iterator[Running]:
    """Start a service with a free port added to its command line; at the end stop it and check its exit status."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    log = folder / f"{port}.log"
    # Start as for users, whose Python keeps compiled modules.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *words, "--port", str(port)]
    start = time.perf_counter()
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=environment)
    try:
        while not _is_ready(port):
            assert process.poll() is None, f"it did not start: {log.read_text(encoding='utf-8')[-2000:]}"
            assert time.perf_counter() < start + READY_SECONDS, "it did not become ready"
            time.sleep(0.01)
        yield Running(port, process, log, time.perf_counter() - start)
        assert process.poll() is None, f"the service died: {log.read_text(encoding='utf-8')[-2000:]}"
    finally:
        process.terminate()
        status = process.wait()
    assert status in {0, -15}, f"the service ended with {status}"


def serve(model: Path) -> list[str]:
    """Return the command line of our service."""
    return ["-m", "xray", "serve", str(model)]


def _is_ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
