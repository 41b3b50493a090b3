"""Decode many films at once, and learn of every bad one."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track

from xray.data.film import GreyFilm, ResizeRule, UnreadableFilmError, read_film, resize_film


def decode_films(paths: Sequence[Path], size: int, rule: ResizeRule) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
    """Read and resize films in threads (Pillow decodes outside Python's lock), with a progress bar.

    Args:
        paths: Files to read.
        size: Side of the decoded films in pixels.
        rule: How a film becomes a square, see `xray.data.film.resize_film`.

    Returns:
        The films that could be read, shape (len(paths) - bad, size, size), dtype uint8, in the order of `paths`, and
        for each position in `paths` that could not be read the reason.
    """
    films = np.empty((len(paths), size, size), dtype=np.uint8)
    bad: dict[int, str] = {}
    with ThreadPoolExecutor(usable_cores()) as pool:
        decoded = pool.map(partial(_decode, size=size, rule=rule), paths)
        for i, film in enumerate(track(decoded, "Decoding films", total=len(paths), transient=True)):
            if isinstance(film, str):
                bad[i] = film
            else:
                films[i - len(bad)] = film
    return films[: len(paths) - len(bad)], bad


def usable_cores() -> int:
    """Number of processors that this process may use, which in a container is often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _decode(path: Path, size: int, rule: ResizeRule) -> GreyFilm | str:
    try:
        return resize_film(read_film(path), size, rule)
    except UnreadableFilmError as error:
        return str(error)
