"""Explain one image at a time, in a thread beside the predictions."""

import asyncio
import base64
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.explain.maps import Method
from xray.predictor.decision_model import DecisionModel, ImagePrediction
from xray.serve.errors import busy
from xray.serve.responses import Heatmap
from xray.serve.workers import Decoded

PREVIEW_SIDE: Final = 1024
"""Maximum longer side of the returned image, in pixels."""


@dataclass(frozen=True)
class Explained:
    """An image with its prediction and heatmap.

    Args:
        prediction: The prediction.
        image: PNG in base64.
        width: Width of image and layer, in pixels.
        height: Height of image and layer, in pixels.
        heat: The heatmap; None if the image was rejected.
    """

    prediction: ImagePrediction
    image: str
    width: int
    height: int
    heat: Heatmap | None


class Explainer:
    """Explains images one after the other.

    Args:
        decision_model: The model.
        max_waiting: Explanations in progress or waiting at a time.
    """

    def __init__(self, decision_model: DecisionModel, max_waiting: int) -> None:
        self._decision_model = decision_model
        self._max_waiting = max_waiting
        self._thread = ThreadPoolExecutor(1, "explain")
        self._waiting = 0

    async def explain(self, decoded: Decoded, method: Method) -> Explained:
        """Predict an image and map what moved its logit.

        Raises:
            ApiError: Too many explanations are in progress.
        """
        if self._waiting >= self._max_waiting:
            raise busy(f"{self._max_waiting} explanations are in progress; try again in a moment.", seconds=2)
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._explain, decoded, method)
        # Counted until the thread is done, even if the caller has left.
        future.add_done_callback(self._finish)
        return await asyncio.shield(future)

    def close(self) -> None:
        """End the thread after its current image."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _finish(self, future: asyncio.Future[Explained]) -> None:
        self._waiting -= 1
        if not future.cancelled():
            # If the caller has left, asyncio would log an exception that nobody retrieves.
            future.exception()

    def _explain(self, decoded: Decoded, method: Method) -> Explained:
        from xray.explain.maps import explain_image
        from xray.explain.overlay import heat_layer

        manifest, preview = self._decision_model.predictor.manifest, decoded.preview
        assert preview is not None
        height, width = preview.shape
        prediction = self._decision_model(decoded.image[None])[0]
        heat = None
        if not prediction.reject_reason:
            explanation = explain_image(self._decision_model.predictor, decoded.image, method)
            heat = Heatmap(
                method=method,
                layer=png_in_base64(heat_layer(explanation, (height, width), manifest.resize)),
                limit=explanation.limit,
                unit="logit",
                towards_positive=f"supports {manifest.class_names[1]}",
                towards_negative=f"supports {manifest.class_names[0]}",
                caveat=explanation.caveat,
            )
        return Explained(prediction, png_in_base64(preview), width, height, heat)


def png_in_base64(pixels: npt.NDArray[np.uint8]) -> str:
    """Encode grey or RGBA pixels as PNG, fast rather than small."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode("ascii")
