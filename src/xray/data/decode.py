"""Decode many films at once, and learn of every bad one."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from xray.data.film import GreyFilm, ResizeRule, UnreadableFilmError, load_film
from xray.files import StrPath
from xray.progress import shown
from xray.threads import map_in_threads


def decode_each(paths: Sequence[StrPath], size: int, rule: ResizeRule) -> Iterator[GreyFilm | str]:
    """Read and resize films in threads (Pillow decodes outside Python's lock), with a progress bar.

    Args:
        paths: Files to read.
        size: Side of the decoded films in pixels.
        rule: How a film becomes a square, see `xray.data.film.resize_film`.

    Yields:
        For each path in turn its film, shape (size, size), dtype uint8, or the reason why it cannot be read.
    """
    decoded = map_in_threads(partial(_decode, size=size, rule=rule), paths)
    yield from shown(decoded, "Decoding films", len(paths))


def decode_films(paths: Sequence[StrPath], size: int, rule: ResizeRule) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
    """Decode films into memory.

    Args:
        paths: Files to read.
        size: Side of the decoded films in pixels.
        rule: How a film becomes a square.

    Returns:
        The films that could be read, shape (len(paths) - bad, size, size), dtype uint8, in the order of `paths`, and
        for each position in `paths` that could not be read the reason.
    """
    films = np.empty((len(paths), size, size), dtype=np.uint8)
    bad: dict[int, str] = {}
    for i, film in enumerate(decode_each(paths, size, rule)):
        if isinstance(film, str):
            bad[i] = film
        else:
            films[i - len(bad)] = film
    return films[: len(paths) - len(bad)], bad


def _decode(path: StrPath, size: int, rule: ResizeRule) -> GreyFilm | str:
    try:
        return load_film(path, size, rule)
    except UnreadableFilmError as error:
        return str(error)
