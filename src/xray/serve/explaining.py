"""Maps of what moved the model's number, one at a time beside the predictions."""

import asyncio
import base64
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from xray.data.decode.image import shrink_image
from xray.explain.maps import Method, methods_of
from xray.predictor.decision_model import DecisionModel, ImagePrediction
from xray.predictor.manifest import Manifest
from xray.serve.answers import Heat
from xray.serve.decoding import BadFileError, blame, decode, decode_for
from xray.serve.errors import ApiError, busy
from xray.serve.settings import Settings
from xray.serve.uploads import Upload

PREVIEW_SIDE = 1024
"""Longer side of the image as answered, at most."""


@dataclass(frozen=True)
class Shown:
    """An image with what the model says of it.

    Args:
        prediction: What it says.
        image: PNG in base64.
        width: Of image and layer, in pixels.
        height: Of image and layer, in pixels.
        heat: The map; None where the image was rejected.
    """

    prediction: ImagePrediction
    image: str
    width: int
    height: int
    heat: Heat | None


def choose_method(named: str | None, manifest: Manifest) -> Method:
    """The method asked for, or the model's default.

    Raises:
        ApiError: 422, there is no such method for this model.
    """
    methods = methods_of(manifest)
    if named in {None, ""}:
        return methods[0]
    for method in methods:
        if method == named:
            return method
    raise ApiError(422, f"The field 'method' takes {' or '.join(methods)} with this model.", "unknown_method")


class Explainer:
    """Explains images in a thread of its own, so that predictions go on meanwhile.

    Args:
        decision_model: The model.
        settings: Limits.
    """

    def __init__(self, decision_model: DecisionModel, settings: Settings) -> None:
        self._decision_model = decision_model
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, "explain")
        self._under_way = 0

    async def explain(self, upload: Upload, method: Method) -> Shown:
        """Judge an image and map what moved the number.

        Raises:
            ApiError: The file is no image, or too many explanations are under way.
        """
        if self._under_way >= self._settings.explanations:
            raise busy(
                f"{self._settings.explanations} explanations are under way already; ask again in a moment.", seconds=2
            )
        self._under_way += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._show, upload.data, method)
        # Counted until the thread is done, even where the caller has given up.
        future.add_done_callback(self._leave)
        try:
            return await asyncio.shield(future)
        except BadFileError as error:
            raise blame({0: (upload.name, error)}) from error

    def close(self) -> None:
        """Let the thread end; what it is at is finished."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _leave(self, future: asyncio.Future[Shown]) -> None:
        self._under_way -= 1
        if not future.cancelled():
            # Taken note of, where nobody waits for it any more.
            future.exception()

    def _show(self, data: bytearray, method: Method) -> Shown:
        from xray.explain.maps import explain_image
        from xray.explain.overlay import heat_layer

        manifest = self._decision_model.predictor.manifest
        image = decode_for(manifest, data, self._settings.pixels)
        prediction = self._decision_model(image[None])[0]
        # Once more, as a JPEG for a network may be decoded at a fraction of its size.
        preview = shrink_image(decode(data, PREVIEW_SIDE, self._settings.pixels), PREVIEW_SIDE)
        height, width = preview.shape
        heat = None
        if not prediction.rejection:
            explanation = explain_image(self._decision_model.predictor, image, method)
            heat = Heat(
                method=method,
                layer=png_in_base64(heat_layer(explanation, (height, width), manifest.resize)),
                limit=explanation.limit,
                unit="logit",
                towards_positive=f"speaks for {manifest.class_names[1]}",
                towards_negative=f"speaks for {manifest.class_names[0]}",
                caveat=explanation.caveat,
            )
        return Shown(prediction, png_in_base64(preview), width, height, heat)


def png_in_base64(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    """Encode grey or RGBA bytes as PNG, quickly rather than small."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode("ascii")
