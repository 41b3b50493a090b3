"""Decoded films as batches of tensors."""

from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset


class FilmBatch(TypedDict):
    """What a model is given."""

    image: Tensor
    """Grey films, shape (batch, 1, size, size): uint8 from 0 to 255, or after augmentation float from 0 to 1."""
    label: Tensor
    """Class numbers 0 or 1, shape (batch,), float32."""
    index: Tensor
    """Row of each film in the table of its split, shape (batch,), int64."""


class FilmDataset(Dataset[FilmBatch]):
    """Decoded films; a whole batch is gathered with one copy.

    Args:
        films: Shape (any, size, size), dtype uint8, in memory or mapped into it.
        rows: Where in `films` each of the n films of this set lies.
        labels: n class numbers.
    """

    def __init__(self, films: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], labels: list[int]) -> None:
        self._films = films
        self._rows = rows
        self._labels = torch.tensor(labels, dtype=torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Films that are mapped stay on the disk when the set is sent to another process."""
        films = self._films
        return self.__dict__ | ({"_films": (films.filename, films.shape)} if isinstance(films, np.memmap) else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map them again."""
        films = state["_films"]
        if isinstance(films, tuple):
            films = np.memmap(films[0], np.uint8, "r", shape=films[1])
        self.__dict__ |= state | {"_films": films}

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> FilmBatch:
        """One film as a batch of one."""
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> FilmBatch:
        """The films of these rows, which the data loader asks for at once instead of one by one."""
        index = torch.tensor(rows, dtype=torch.int64)
        image = torch.from_numpy(np.asarray(self._films[self._rows[rows]])).unsqueeze(1)
        return {"image": image, "label": self._labels[index], "index": index}
