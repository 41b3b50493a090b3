"""The page for people at `/`, and its files below `/page`."""

import io
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image

from xray import NOTICE, ONE_SOURCE, __version__
from xray.data.decode.pillow import READABLE_FORMATS
from xray.explain.overlay import colours

FOLDER = Path(__file__).parent
SCALE_WIDTH = 256


def mount_page(app: FastAPI) -> None:
    """Serve the page and its files, without a token: they contain nothing of the model."""
    texts = {"notice": NOTICE, "caution": ONE_SOURCE, "version": __version__, "formats": READABLE_FORMATS}
    template = Template((FOLDER / "page.html").read_text("utf-8"))
    index = template.substitute({name: escape(text) for name, text in texts.items()})
    scale = colour_scale()

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(index)

    @app.get("/page/scale.png", include_in_schema=False)
    async def scale_png() -> Response:
        return Response(scale, media_type="image/png")

    app.mount("/page", StaticFiles(directory=FOLDER / "page"))


def colour_scale() -> bytes:
    """Draw the colour scale of heatmaps, from the negative to the positive class, as PNG.

    Uses the code that colours the maps, so that the two agree.
    """
    file = io.BytesIO()
    Image.fromarray(colours(np.linspace(-1.0, 1.0, SCALE_WIDTH)[None])).save(file, "PNG")
    return file.getvalue()
