"""The command serve: from a model's file to a service that listens."""

import asyncio
import signal
import socket
import warnings
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from xray.serve.listening import listen, read_token
from xray.serve.settings import MEGABYTE, Settings
from xray.utils.errors import UserError, require_between

if TYPE_CHECKING:
    from xray.serve.service import Service

MOST_CONNECTIONS = 1000
"""From these on the longest silent gives way; where none is, uvicorn rejects from four times as many on, in a bare
line of text."""
STOP_SECONDS = 15
"""For requests under way to end when the service is told to stop. Those that do not are then told so, which may take
`xray.serve.watch.DRAIN_SECONDS` more."""


def serve(
    model: str = "",
    host: str = "127.0.0.1",
    port: int = 8000,
    token_file: Path | None = None,
    files: int = Settings.files,
    file_mb: float = Settings.file_bytes / MEGABYTE,
    request_mb: float | None = None,
    megapixels: float = Settings.pixels / 1e6,
    queue: int = Settings.queue,
    batch: int = Settings.batch,
    receive_seconds: float = Settings.receive_seconds,
    answer_seconds: float = Settings.answer_seconds,
) -> int:
    """Answer over HTTP: predictions, explanations and a page for people. Nothing that is sent is kept.

    Args:
        model: A run such as cnn/version_0, an experiment, a checkpoint or an exported file; by default the newest run.
        host: Address to listen at; 0.0.0.0 lets other machines in.
        port: Port to listen at; 0 for any free one.
        token_file: File with a token that callers have to show; by default the variable XRAY_TOKEN, and if that is
            empty everybody may ask. It is not taken from the command line, which other users of the machine can read.
        files: Most files in one request.
        file_mb: Largest file, in MB.
        request_mb: Largest request, in MB; by default 64, or twice file_mb where that is more, up to 512.
        megapixels: Most pixels of one picture, in millions.
        queue: Most requests under way at a time; others are rejected with status 503.
        batch: Most images in one pass through the network.
        receive_seconds: Time for a request to arrive in full.
        answer_seconds: Time from there to its answer.

    Returns:
        The exit status: 0 after SIGTERM or SIGINT.

    Raises:
        UserError: There is no such model, it gives no answer, the token cannot be read, the address cannot be listened
            at, or a limit is out of range.
    """
    if request_mb is None:
        request_mb = min(max(Settings.request_bytes / MEGABYTE, 2 * file_mb), Settings.held_bytes / MEGABYTE)
    for name, value in (("--file_mb", file_mb), ("--request_mb", request_mb), ("--megapixels", megapixels)):
        require_between(name, value, 1e-6, 10_000)  # infinity cannot be rounded
    settings = Settings(
        files=files,
        file_bytes=round(file_mb * MEGABYTE),
        request_bytes=round(request_mb * MEGABYTE),
        pixels=round(megapixels * 1e6),
        queue=queue,
        batch=batch,
        receive_seconds=receive_seconds,
        answer_seconds=answer_seconds,
        token=read_token(token_file),
    )
    listener = listen(host, port)
    # Imported late, so that a wrong word is told in no time.
    import uvicorn

    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model
    from xray.serve import watch
    from xray.serve.app import make_app
    from xray.serve.logs import set_up_logs
    from xray.serve.protocol import protocol_for

    predictor = open_predictor(find_model(model))
    try:
        app = make_app(predictor, settings)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"{predictor.path} gives no answer to a black image ({' '.join(str(error).split())[:200]}): export it anew."
        ) from error
    service: Service = app.state.service
    # Warnings of the libraries that decode may quote what was sent.
    warnings.simplefilter("ignore")
    set_up_logs()
    config = uvicorn.Config(
        app,
        http=protocol_for(predictor.manifest.version, service.metrics.observe, MOST_CONNECTIONS),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Beyond it uvicorn rejects without our headers, which should be rare; it counts requests as well, of which a
        # connection may have two, one about to end.
        limit_concurrency=4 * MOST_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            service.ready = False
            super().handle_exit(sig, frame)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _tell(listener, service)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            # After a second signal nothing is cancelled yet.
            for task in list(self.server_state.tasks) if self.force_exit else []:
                task.cancel()
            # What is cancelled is answered: without waiting, that would be cancelled in its turn.
            if self.server_state.tasks:
                await asyncio.wait(self.server_state.tasks, timeout=watch.DRAIN_SECONDS + 1)
            # Left are callers who do not read.
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            if self.force_exit:
                await self.lifespan.shutdown()

    # uvicorn raises the signal that stopped it once more when it has ended: by then that means nothing.
    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        Server(config).run(sockets=[listener])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return 0


def _tell(listener: socket.socket, service: "Service") -> None:
    manifest, (host, port, *_) = service.manifest, listener.getsockname()
    shown = f"[{host}]" if ":" in host else host
    token = "a token is needed" if service.settings.token else "no token: everybody who reaches it may ask"
    name = f"{manifest.model} of {manifest.run}" if manifest.run else manifest.model
    print(f"Model    {name}, version {manifest.version} ({manifest.format}, {manifest.precision})")
    print(f"Listens  http://{shown}:{port} ({token}); documentation at /docs; stop with Ctrl+C")
    print(manifest.notice, flush=True)
