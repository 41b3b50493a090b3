"""Dataset that returns decoded images as batches of tensors."""

from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset


class ImageBatch(TypedDict):
    """A batch of images."""

    image: Tensor
    """Grey images, shape (batch, 1, size, size): uint8 from 0 to 255, or after augmentation float from 0 to 1."""
    label: Tensor
    """Class numbers 0 or 1, shape (batch,), float32."""
    index: Tensor
    """Position of each image in its split, shape (batch,), int64."""


class ImageDataset(Dataset[ImageBatch]):
    """Decoded images; a batch is gathered with a single copy.

    Args:
        images: Shape (images, size, size), dtype uint8, in memory or memory-mapped.
        rows: Row in `images` of each of the n images of this dataset.
        labels: n class numbers.
    """

    def __init__(self, images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], labels: list[int]) -> None:
        self._images = images
        self._rows = rows
        self._labels = torch.tensor(labels, dtype=torch.float32)

    def __getstate__(self) -> dict[str, Any]:
        """Send only the file name of memory-mapped images to another process."""
        images = self._images
        return self.__dict__ | ({"_images": (images.filename, images.shape)} if isinstance(images, np.memmap) else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the images again in the receiving process."""
        images = state["_images"]
        if isinstance(images, tuple):
            images = np.memmap(images[0], np.uint8, "r", shape=images[1])
        self.__dict__ |= state | {"_images": images}

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> ImageBatch:
        """Return one image as a batch of one."""
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> ImageBatch:
        """Return several images as one batch; the data loader prefers this over single images."""
        index = torch.tensor(rows, dtype=torch.int64)
        image = torch.from_numpy(np.asarray(self._images[self._rows[rows]])).unsqueeze(1)
        return {"image": image, "label": self._labels[index], "index": index}


def whole_batch(batch: Any) -> Any:  # noqa: ANN401 - a list of samples by torch's types, here a batch
    """Collate what is a batch already."""
    return batch
