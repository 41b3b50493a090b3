"""The real command in a process of its own, with a model that takes a while to answer."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

PROGRAM = """
import sys, time
import xray.predictor.open, xray.runs.run, xray.serve.command
from tests.serve.fakes import FakePredictor
from xray.__main__ import main
class Slow(FakePredictor):
    def logits(self, images):
        if len(self.batches) >= 2:  # after the start
            time.sleep(float(sys.argv[1]))
        return super().logits(images)
if __name__ == "__main__":
    xray.predictor.open.open_predictor = lambda path, **options: Slow()
    xray.runs.run.find_model = lambda named: None
    xray.serve.command.STOP_SECONDS = 2
    sys.exit(main(["serve", "--port", "0", *sys.argv[2:]]))
"""


class Service:
    def __init__(self, process: subprocess.Popen[str], port: int, said: str, log: IO[str]) -> None:
        self.process, self.port, self.said, self._log = process, port, said, log

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    def predict(self, data: bytes) -> Any:
        head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="Jane.png"\r\n\r\n'
        return self.ask(
            "POST", "/predict", head + data + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def children(self) -> list[int]:
        """Process IDs of the children of the service."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        self.process.wait(timeout=15)
        self._log.seek(0)
        return self.process.returncode, self._log.read()


Start = Callable[..., Service]


@contextlib.contextmanager
def starting() -> Iterator[Start]:
    """Yield a function that starts the command with a delay of the model; all processes are killed at the end."""
    processes: list[subprocess.Popen[str]] = []
    logs = contextlib.ExitStack()

    def begin(*words: str, delay: float = 0.0, token: str = "") -> Service:
        # Not a pipe: a full pipe that nobody reads would block the service.
        log = logs.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 - it is entered
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(delay), *words],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"XRAY_TOKEN": token},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        said = "".join(process.stdout.readline() for _ in range(3))
        return Service(process, int(said.partition("http://127.0.0.1:")[2].split()[0]), said, log)

    try:
        yield begin
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
        logs.close()
