"""Films of a report with what moved the model's number laid over them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.film import UnreadableFilmError, read_film
from xray.evaluation.evidence import Evidence
from xray.explain.maps import Explanation
from xray.explain.overlay import colours, heat_layer, over_grey
from xray.files import StrPath
from xray.report.thumbnails import Picture, picture_of

SIDE: Final = 256
"""Longer side of a picture in pixels."""
GREY: Final = 128
"""The film under the colours of the scale."""


@dataclass(frozen=True)
class MappedFilm:
    """A film with its map.

    Args:
        name: Its file.
        patient: Whose it is.
        label: Its class.
        decision: What the model took it for.
        probability: Of the positive class.
        limit: Where the colours of its map end, in units of the logit.
        film: The film, in its own proportions.
        overlay: The same with the map over it.
    """

    name: str
    patient: str
    label: str
    decision: str
    probability: float
    limit: float
    film: Picture
    overlay: Picture


def mapped_films(evidence: Evidence) -> list[tuple[str, list[MappedFilm]]]:
    """The films that have maps in the order of the record, by kind of decision under its heading."""
    return [(title, list(films)) for title, films in groupby(_films(evidence), _kind)]


def scale() -> Picture:
    """The colours from the negative end of a scale to the positive one, over grey."""
    values = np.repeat(np.linspace(-1, 1, 200)[None], 8, axis=0)
    return picture_of(over_grey(np.full(values.shape, GREY, np.uint8), colours(values)), "PNG")


def _films(evidence: Evidence) -> Iterator[MappedFilm]:
    table, rule = evidence.table, evidence.source.get("resize", "squash")
    for row, values in evidence.maps.items():
        explanation = Explanation.of("gradcam", values)
        path = table.path[row]
        film = _small(path)
        if isinstance(film, Picture):
            pictures = film, film
        else:
            layer = heat_layer(explanation, (film.shape[0], film.shape[1]), rule)
            pictures = picture_of(film), picture_of(over_grey(film, layer))
        yield MappedFilm(
            PurePath(path).name,
            table.patient[row],
            table.label[row],
            table.decision[row],
            float(table.probability[row]),
            explanation.limit,
            *pictures,
        )


def _small(path: StrPath) -> npt.NDArray[np.uint8] | Picture:
    if not Path(path).is_file():
        return Picture(reason="The film is no longer there.")
    try:
        film = Image.fromarray(read_film(path, SIDE))
    except UnreadableFilmError as error:
        return Picture(reason=f"The film cannot be read: {error}.")
    film.thumbnail((SIDE, SIDE))
    return np.asarray(film, dtype=np.uint8)


def _kind(film: MappedFilm) -> str:
    if film.label == film.decision:
        return f"Rightly called {film.label}, ordinary ones"
    return f"{film.label} taken for {film.decision}, the worst ones"
