"""The command `serve`: a model behind an HTTP address."""

import signal
import socket
import warnings
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from xray.serve.listening import listen
from xray.serve.settings import MEGABYTE, Settings
from xray.serve.token import read_token
from xray.utils.errors import UserError, require_between, require_extra

if TYPE_CHECKING:
    from xray.serve.service import Service

MAX_CONNECTIONS: Final = 1000
"""Further connections get a plain 503 from the server."""
STOP_SECONDS: Final = 15
"""Time for requests in progress to finish when the service is stopped."""


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
    answer_seconds: float = Settings.answer_seconds,
    allow_undecided: bool = False,
) -> int:
    """Serve a model over HTTP: predictions, explanations and a page for people. Uploads are not stored.

    Args:
        model: A run such as cnn/version_0, an experiment, a checkpoint or an exported file; by default the newest run.
        host: Address to listen on; 0.0.0.0 accepts other machines.
        port: Port to listen on; 0 for any free one.
        token_file: File with a bearer token that callers must send; by default the variable XRAY_TOKEN; without
            either, no token is required. Not a command-line value, which other users of the machine could read.
        files: Maximum number of files in one request.
        file_mb: Maximum size of a file, in MB.
        request_mb: Maximum size of a request, in MB; by default 64, or twice file_mb if that is more, up to 512.
        megapixels: Maximum number of pixels of an image, in millions.
        queue: Maximum number of uploads in progress; more get status 503.
        batch: Maximum number of images in one pass through the network.
        answer_seconds: Time from the end of an upload to its response.
        allow_undecided: True also takes a model of an interrupted fit, with threshold 0.5 and without OOD check.

    Returns:
        The exit status: 0 after SIGTERM or SIGINT.

    Raises:
        UserError: There is no such model, it fails, the token cannot be read, the address is not available,
            a worker cannot start, or a limit is out of range.
    """
    require_extra(
        "serve",
        "xray serve",
        "fastapi",
        "uvicorn",
        "python_multipart",
        "prometheus_client",
        "fastapi_offline",
        "onnxruntime",
    )
    max_mb = Settings.held_bytes / MEGABYTE
    if request_mb is None:
        request_mb = min(max(Settings.request_bytes / MEGABYTE, 2 * file_mb), max_mb)
    for name, value, low, high in (
        ("--files", files, 1, 1000),
        ("--file_mb", file_mb, 1e-6, max_mb),
        ("--request_mb", request_mb, 1e-6, max_mb),
        ("--megapixels", megapixels, 1e-6, 200),
        ("--queue", queue, 1, 10_000),
        ("--batch", batch, 1, 1024),
        ("--answer_seconds", answer_seconds, 0.01, 3600),
    ):
        require_between(name, value, low, high)
    if request_mb < file_mb:
        raise UserError(
            f"--request_mb {request_mb:g} is less than --file_mb {file_mb:g}, the largest file in it: raise the one or "
            "lower the other."
        )
    settings = Settings(
        files=files,
        file_bytes=round(file_mb * MEGABYTE),
        request_bytes=round(request_mb * MEGABYTE),
        pixels=round(megapixels * 1e6),
        queue=queue,
        batch=batch,
        answer_seconds=answer_seconds,
        token=read_token(token_file),
    )
    listener = listen(host, port)
    # Imported late, so that a wrong option is reported at once.
    import uvicorn

    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model
    from xray.serve.app import make_app
    from xray.serve.logs import set_up_logs

    predictor = open_predictor(find_model(model), allow_undecided=allow_undecided)
    try:
        app = make_app(predictor, settings)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{predictor.path} fails on a black image ({reason}): export it again.") from error
    service: Service = app.state.service
    # Warnings of libraries could quote an upload.
    warnings.simplefilter("ignore")
    set_up_logs()
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # /ready now answers 503, so that a load balancer sends no more requests.
            service.ready = False
            super().handle_exit(sig, frame)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            _print_address(listener, service)

    # Not as the lifespan of the application: uvicorn would report a failure with a traceback.
    with service.running():
        # When it ends, uvicorn re-raises the signal that stopped it; this is not an error here.
        previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            Server(config).run(sockets=[listener])
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
    return 0


def _print_address(listener: socket.socket, service: "Service") -> None:
    manifest, (host, port, *_) = service.manifest, listener.getsockname()
    name = f"{manifest.model} of {manifest.run}" if manifest.run else manifest.model
    token = "token required" if service.settings.token else "no token: anyone who can reach it can use it"
    print(f"Model    {name}, version {manifest.version} ({manifest.format}, {manifest.precision})")
    print(f"Address  http://{f'[{host}]' if ':' in host else host}:{port} ({token}); API at /docs; stop with Ctrl+C")
    print(manifest.notice, flush=True)
