"""All that is measured of the films of a folder; the checks only read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.audit.colour import colourfulness
from xray.audit.folder import FilmFolder
from xray.audit.likeness import Likeness, judge_likeness
from xray.data.digest import is_content
from xray.data.duplicates import NearDuplicate, near_duplicates
from xray.data.facts import FilmFacts, read_facts
from xray.data.index import Film
from xray.data.reader import FilmReader
from xray.data.statistics import Films, grey_statistics
from xray.evaluation.ranking import Labels

SIZE: Final = 128
"""Side of the films that are looked at, squashed: as the configs train on them, so that a fit finds them decoded."""

ALIKE: Final = 0.75
"""Correlation from which two films are told of at all; copies begin at `xray.data.duplicates.COPY`."""


@dataclass(frozen=True)
class Evidence:
    """Films and what was measured of them. Arrays have a row for each readable film."""

    folder: FilmFolder
    unreadable: dict[int, str]
    """Reasons, by position in `folder.films`."""
    rows: list[int]
    """Position in `folder.films` of each readable film."""
    facts: list[FilmFacts]
    statistics: npt.NDArray[np.float64]
    """See `xray.data.statistics.STATISTICS`."""
    colour: npt.NDArray[np.float64]
    """See `xray.audit.colour`."""
    likeness: Likeness | None
    """None where there are too few films to judge."""
    alike: list[NearDuplicate]
    """Pairs of films from `ALIKE`, by position in `folder.films`, without those of the same bytes."""

    @cached_property
    def films(self) -> list[Film]:
        """The readable films."""
        return [self.folder.films[i] for i in self.rows]

    @cached_property
    def labels(self) -> Labels:
        """Their classes, 0 or 1, shape (readable,)."""
        return np.array([film.label for film in self.films], dtype=np.int64)

    @cached_property
    def groups(self) -> list[str]:
        """What no split may part."""
        return [film.group for film in self.films]

    @cached_property
    def in_pool(self) -> npt.NDArray[np.bool_]:
        """Which of them a model would be made with, see `FilmFolder.pool`; shape (readable,)."""
        return np.isin(np.array(self.rows, dtype=np.int64), self.folder.pool)


def gather(folder: FilmFolder, reader: FilmReader) -> Evidence:
    """Measure every film of a folder.

    Args:
        folder: What lies there.
        reader: Decodes films, to `SIZE`.
    """
    files = folder.files
    fetched = reader.fetch(files, [film.digest for film in folder.films])
    headers = read_facts(files)
    # Where both fail, decoding says more.
    unreadable = {i: fact for i, fact in enumerate(headers) if isinstance(fact, str)} | fetched.bad
    decoded = [i for i in range(len(files)) if i not in fetched.bad]
    places = [place for i, place in zip(decoded, fetched.rows.tolist(), strict=True) if i not in unreadable]
    rows = [i for i in decoded if i not in unreadable]
    pictures = fetched.films[places]
    facts = [fact for i, fact in enumerate(headers) if i not in unreadable and not isinstance(fact, str)]
    return Evidence(
        folder=folder,
        unreadable=unreadable,
        rows=rows,
        facts=facts,
        statistics=grey_statistics(pictures),
        colour=colourfulness([files[i] for i in rows], facts),
        likeness=judge_likeness(pictures),
        alike=_alike(folder.films, rows, pictures),
    )


def _alike(films: Sequence[Film], rows: Sequence[int], pictures: Films) -> list[NearDuplicate]:
    """Pairs that look alike; of files with the same bytes only the first is compared."""
    first = list(
        {films[i].digest: k for k, i in reversed(list(enumerate(rows))) if is_content(films[i].digest)}.values()
    )
    first.sort()
    return [
        NearDuplicate(rows[first[pair.first]], rows[first[pair.second]], pair.similarity)
        for pair in near_duplicates(pictures[first], ALIKE)
    ]
