"""What stands behind the paths: one model, its threads and its limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from xray.predictor.base import Predictor
from xray.predictor.decision_model import DecisionModel, ImagePrediction
from xray.serve.admission import Admission
from xray.serve.answers import Result
from xray.serve.batcher import Batcher
from xray.serve.connections import make_room
from xray.serve.decoding import Decoder
from xray.serve.errors import busy
from xray.serve.explaining import Explainer
from xray.serve.memory import give_back_memory
from xray.serve.metrics import Metrics
from xray.serve.settings import Settings
from xray.serve.uploads import Form, read_form
from xray.serve.watch import record_of


class Service:
    """What answers behind the paths; for one event loop.

    Args:
        predictor: The model.
        settings: Limits.

    Raises:
        UserError: The model gives no numbers for a black image; whatever else it raises goes through.
    """

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self.manifest = manifest = predictor.manifest
        self.settings = settings
        self.decision_model = DecisionModel(predictor)
        self.decision_model.try_out(settings.batch)
        self.ready = False
        self.admission = Admission(settings.queue, settings.held_bytes)
        self.metrics = Metrics(manifest, lambda: self.admission.under_way, lambda: self.batcher.waiting)
        # Without a thread yet: what is asked before it runs finds all parts.
        self._open()

    def _open(self) -> None:
        self.batcher: Batcher[ImagePrediction] = Batcher(
            self.decision_model, self.settings.batch, self.metrics.observe_batch
        )
        self.decoder = Decoder(self.manifest, self.settings.pixels)
        self.explainer = Explainer(self.decision_model, self.settings)

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Be ready from the first request on, and let the threads end after the last one."""
        # With threads of its own each time: an application may be started again after it has ended.
        self._open()
        make_room()
        memory = asyncio.create_task(give_back_memory())
        self.ready = True
        yield
        self.ready = False
        memory.cancel()
        for part in (self.batcher, self.decoder, self.explainer):
            part.close()

    @asynccontextmanager
    async def form(self, request: Request, file_field: str) -> AsyncIterator[Form]:
        """Receive a form; what is done with it has to end in time."""
        record = record_of(request)
        with self.admission.admit() as hold:
            content_type = request.headers.get("content-type", "")
            form = await read_form(request.stream(), content_type, file_field, self.settings, hold)
            record.files = len(form.files)
            record.file_bytes = sum(len(file.data) for file in form.files)
            try:
                async with asyncio.timeout(self.settings.answer_seconds):
                    yield form
            except TimeoutError:
                raise busy(f"There was no answer within {self.settings.answer_seconds:g} s.", "timed_out") from None

    def result(self, index: int, name: str | None, prediction: ImagePrediction, request: Request) -> Result:
        """Say what the model says of one image, and count it."""
        record, rejected = record_of(request), bool(prediction.rejection)
        record.rejected += rejected
        record.predicted += not rejected
        return Result(
            index=index,
            file=name,
            outcome="rejected" if rejected else "predicted",
            probability=None if rejected else prediction.probability,
            decision=None if rejected else prediction.decision,
            threshold=self.manifest.threshold,
            logit=None if rejected else prediction.logit,
            reason=prediction.rejection or None,
        )
