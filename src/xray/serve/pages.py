"""The page for people at `/` and its files, all served from here."""

import hashlib
import io
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

import numpy as np
from fastapi import FastAPI, Request, Response
from PIL import Image
from starlette.exceptions import HTTPException

from xray import NOTICE, ONE_SOURCE, __version__
from xray.explain.overlay import colours

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""Media types by file suffix."""

INDEX, SCALE = "index.html", "scale.png"
SCALE_WIDTH = 256


@dataclass(frozen=True)
class Asset:
    """One file of the page.

    Args:
        content: Its bytes.
        media_type: Media type.
        tag: ETag, a hash of the content.
    """

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> "Asset":
        """Return the asset of a file."""
        media_type = TYPES["." + name.rpartition(".")[2]]
        return cls(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')

    def answer(self, request: Request) -> Response:
        """Return the file, or status 304 if the browser has it already."""
        # A proxy that compresses marks the tag as weak.
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
        # Browsers cache it but ask each time, so that a new release takes effect at once.
        headers = {"ETag": self.tag, "Cache-Control": "no-cache"}
        if self.tag in known:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


def mount_page(app: FastAPI) -> None:
    """Serve the page at `/` and its files below `/page/`, without a token: they contain nothing of the model."""
    assets = read_assets()
    index = assets.pop(INDEX)

    async def page(request: Request) -> Response:
        return index.answer(request)

    async def part(name: str, request: Request) -> Response:
        if name == SCALE:
            return scale().answer(request)
        if name not in assets:
            raise HTTPException(404)
        return assets[name].answer(request)

    for path, endpoint in (("/", page), ("/page/{name}", part)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


def read_assets() -> dict[str, Asset]:
    """Return the files of the page by name, with the notice filled in."""
    assets = {
        file.name: file.read_bytes()
        for file in files("xray.serve").joinpath("page").iterdir()
        if "." + file.name.rpartition(".")[2] in TYPES
    }
    said = {"notice": NOTICE, "caution": ONE_SOURCE, "version": __version__}
    index = Template(assets[INDEX].decode("utf-8")).substitute({name: escape(text) for name, text in said.items()})
    return {name: Asset.of(name, content) for name, content in (assets | {INDEX: index.encode("utf-8")}).items()}


@cache
def scale() -> Asset:
    """Return the colour scale of heatmaps, from the negative to the positive class.

    Drawn by the code that colours the maps, so that the two agree.
    """
    file = io.BytesIO()
    Image.fromarray(colours(np.linspace(-1.0, 1.0, SCALE_WIDTH)[None])).save(file, "PNG")
    return Asset.of(SCALE, file.getvalue())
