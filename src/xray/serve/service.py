"""One model with its worker processes, threads and limits."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from fastapi import FastAPI, UploadFile

from xray.explain.maps import Method
from xray.predictor.base import Predictor
from xray.predictor.decision_model import DecisionModel, ImagePrediction
from xray.serve.batcher import Batcher
from xray.serve.decoding import Decoder
from xray.serve.errors import busy, too_many_files
from xray.serve.explaining import PREVIEW_SIDE, Explained, Explainer
from xray.serve.logs import RequestRecord
from xray.serve.metrics import Metrics
from xray.serve.middleware import Load
from xray.serve.responses import Result
from xray.serve.settings import Settings


class Service:
    """Answers requests with one model, within one event loop.

    Raises:
        UserError: The model's output for a black image is not a number. Other errors of the model are not wrapped.
    """

    batcher: Batcher[ImagePrediction]
    decoder: Decoder
    explainer: Explainer

    def __init__(self, predictor: Predictor, settings: Settings) -> None:
        self.manifest = manifest = predictor.manifest
        self.settings = settings
        self.decision_model = DecisionModel(predictor)
        self.decision_model.warm_up(settings.batch)
        self.ready = False
        self.load = Load()
        self.metrics = Metrics(manifest, lambda: self.load.uploads, lambda: self.batcher.waiting if self.ready else 0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start workers before the first request, and end them after the last one.

        Raises:
            UserError: A worker cannot start.
        """
        self.batcher = Batcher(self.decision_model, self.settings.batch, self.metrics.batches.observe)
        self.decoder = Decoder(self.manifest, self.settings)
        self.explainer = Explainer(self.decision_model, self.settings.explanations)
        self.ready = True
        yield
        self.ready = False
        for part in (self.batcher, self.decoder, self.explainer):
            part.close()

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        """Run with the application, where nothing else runs the service."""
        with self.running():
            yield

    async def predict(self, uploads: Sequence[UploadFile]) -> list[ImagePrediction]:
        """Predict all files of a request.

        Raises:
            ApiError: There are too many files, one cannot be used, or it took too long.
        """
        if len(uploads) > self.settings.files:
            raise too_many_files(self.settings.files)
        async with self._in_time():
            decoded = await self.decoder.decode(uploads)
            return await asyncio.gather(*(self.batcher.submit(one.image) for one in decoded))

    async def explain(self, upload: UploadFile, method: Method) -> Explained:
        """Predict and explain one file.

        Raises:
            ApiError: It cannot be used, too many explanations are in progress, or it took too long.
        """
        async with self._in_time():
            (decoded,) = await self.decoder.decode([upload], PREVIEW_SIDE)
            return await self.explainer.explain(decoded, method)

    def result(self, index: int, name: str | None, prediction: ImagePrediction, record: RequestRecord) -> Result:
        """Return the result of one image, and count it in the request's record."""
        rejected = bool(prediction.reject_reason)
        record.rejected += rejected
        record.predicted += not rejected
        return Result(
            index=index,
            file=name or None,
            outcome="rejected" if rejected else "predicted",
            probability=None if rejected else prediction.probability,
            decision=None if rejected else prediction.decision,
            threshold=self.manifest.threshold,
            logit=None if rejected else prediction.logit,
            reason=prediction.reject_reason or None,
        )

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.settings.answer_seconds):
                yield
        except TimeoutError:
            raise busy(f"No result within {self.settings.answer_seconds:g} s.", "timed_out") from None
