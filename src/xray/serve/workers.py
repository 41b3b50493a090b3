"""Decode uploaded files in worker processes, whose memory and time the operating system limits.

A file can be crafted so that decoding it takes gigabytes or hours. Its worker is then killed and replaced: one request
fails, and nothing else is affected.
"""

import asyncio
import io
import queue
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from xray.data.arrays import GreyImage
from xray.data.decode.errors import EmptyFileError, TooManyPixelsError, UnknownFormatError, UnreadableImageError
from xray.data.decode.image import ResizeRule, read_image, resize_image, shrink_image
from xray.serve.errors import FileFault
from xray.utils.errors import UserError

MEMORY_BYTES: Final = 1_500_000_000
"""Memory that decoding may add to a worker: twice the 13 bytes per pixel of a 50-megapixel image."""
SECONDS: Final = 6
"""CPU time of one file: 50 megapixels of JPEG take one to two seconds, 35 of JPEG 2000 six."""
TOO_COSTLY: Final = "decoding it takes more memory or time than any chest X-ray needs"


@dataclass(frozen=True)
class Job:
    """A file to decode.

    Args:
        data: The file.
        size: Side of the square that the model takes, in pixels.
        rule: How the image becomes square.
        max_pixels: Larger images are rejected by their header.
        preview_side: Longer side of an image in its own proportions to return too; 0 for none.
    """

    data: bytes
    size: int
    rule: ResizeRule
    max_pixels: int
    preview_side: int = 0


@dataclass(frozen=True)
class Decoded:
    """A decoded file: the model's input, and the preview if one was asked for."""

    image: GreyImage
    preview: GreyImage | None


def decode(job: Job) -> Decoded | FileFault:
    """Decode one file as training does; return an error if it cannot be used."""
    try:
        image = resize_image(read_image(io.BytesIO(job.data), job.size, job.max_pixels), job.size, job.rule)
        if not job.preview_side:
            return Decoded(image, None)
        # A JPEG may have been decoded at a fraction of its size for the model: decode again for the preview.
        whole = read_image(io.BytesIO(job.data), job.preview_side, job.max_pixels)
        return Decoded(image, shrink_image(whole, job.preview_side))
    except TooManyPixelsError as error:
        return FileFault(413, "too_many_pixels", str(error))
    except EmptyFileError as error:
        return FileFault(422, "empty", str(error))
    except UnknownFormatError as error:
        return FileFault(415, "unsupported_kind", str(error))
    except UnreadableImageError as error:
        return FileFault(422, "unreadable", str(error))
    except MemoryError:
        return FileFault(422, "too_costly", TOO_COSTLY)


def _work(connection: Connection) -> None:
    """Decode each job from the connection until it is closed; the end of the service closes it too."""
    # Ctrl+C is sent to the whole process group, but the service ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A crash of a decoder must not write the upload to the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit(resource.RLIMIT_DATA, _data_bytes() + MEMORY_BYTES)
    with suppress(EOFError, OSError):
        connection.send(True)  # ready
        while True:
            job = connection.recv()
            usage = resource.getrusage(resource.RUSAGE_SELF)
            used = int(usage.ru_utime + usage.ru_stime) + 1
            _limit(resource.RLIMIT_CPU, used + SECONDS)
            connection.send(decode(job))


def _limit(kind: int, value: int) -> None:
    """Limit this process, within the hard limit that it inherited, which it may not be allowed to raise."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _data_bytes() -> int:
    """Return the bytes of private writable memory that this process has, which RLIMIT_DATA counts."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmData:")[2].split()[0]) * 1024


class _Worker:
    def __init__(self) -> None:
        # Spawned, not forked: a fork would share the service's sockets and threads' locks.
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), name="decode", daemon=True)
        self.process.start()
        theirs.close()

    def wait_until_ready(self) -> None:
        """Wait until it has imported its modules, which takes about a second.

        Raises:
            EOFError: The worker died at its start.
        """
        self._connection.recv()

    def run(self, job: Job) -> Decoded | FileFault | None:
        """Return the result of a job; None if the worker died or hangs."""
        try:
            self._connection.send(job)
            # Wall time as well: a worker may hang without using the CPU.
            if self._connection.poll(2 * SECONDS):
                result: Decoded | FileFault = self._connection.recv()
                return result
        except (EOFError, OSError):
            pass
        return None

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self._connection.close()


class WorkerPool:
    """A fixed number of worker processes, each replaced when it dies.

    Raises:
        UserError: A worker cannot start.
    """

    def __init__(self, count: int) -> None:
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        try:
            self._workers = [_Worker() for _ in range(count)]
            for worker in self._workers:
                worker.wait_until_ready()
                self._idle.put(worker)
        except (EOFError, OSError) as error:
            reason = getattr(error, "strerror", None) or "one died"
            raise UserError(
                f"The {count} processes that decode images cannot start ({reason}): raise the limits of memory and "
                "processes, which ulimit -a shows."
            ) from error
        self._threads = ThreadPoolExecutor(count, "decode")

    async def decode(self, job: Job) -> Decoded | FileFault:
        """Decode a file in an idle worker; return an error if it cannot be decoded or costs more than the limits."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)

    def close(self) -> None:
        """End all workers."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.kill()

    def _run(self, job: Job) -> Decoded | FileFault:
        # As many threads as workers: one is always idle here.
        worker = self._idle.get()
        try:
            if not worker.process.is_alive():
                # Killed while idle, which is not the fault of this file.
                worker = self._replaced(worker)
            result = worker.run(job)
            if result is None:
                worker = self._replaced(worker)
                result = FileFault(422, "too_costly", TOO_COSTLY)
            return result
        finally:
            # Even if no new process could be started: the next job then finds the worker dead and tries again.
            self._idle.put(worker)

    def _replaced(self, worker: _Worker) -> _Worker:
        """Kill a worker and return a new one."""
        worker.kill()
        new = _Worker()
        new.wait_until_ready()
        # Only now: if the new one died, the next job finds the old one again.
        self._workers[self._workers.index(worker)] = new
        return new
