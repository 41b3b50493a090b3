"""Decode many images in threads, and report every unreadable one."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from xray.data.arrays import GreyImage
from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import ResizeRule, load_image
from xray.utils.files import StrPath
from xray.utils.progress import with_progress
from xray.utils.threads import map_in_threads


def decode_each(paths: Sequence[StrPath], size: int, rule: ResizeRule) -> Iterator[GreyImage | str]:
    """Read and resize images in threads (Pillow releases the GIL while decoding), with a progress bar.

    Yields:
        For each path in order, its image, shape (size, size), dtype uint8, or the reason why it cannot be read.
    """
    decoded = map_in_threads(partial(_decode, size=size, rule=rule), paths)
    yield from with_progress(decoded, "Decoding images", len(paths))


def decode_images(
    paths: Sequence[StrPath], size: int, rule: ResizeRule
) -> tuple[npt.NDArray[np.uint8], dict[int, str]]:
    """Read and resize images into memory.

    Returns:
        The readable images, shape (readable, size, size), dtype uint8, in the order of `paths`, and the reason for each
        unreadable one by its position in `paths`.
    """
    images = np.empty((len(paths), size, size), dtype=np.uint8)
    bad: dict[int, str] = {}
    for i, image in enumerate(decode_each(paths, size, rule)):
        if isinstance(image, str):
            bad[i] = image
        else:
            images[i - len(bad)] = image
    return images[: len(paths) - len(bad)], bad


def _decode(path: StrPath, size: int, rule: ResizeRule) -> GreyImage | str:
    try:
        return load_image(path, size, rule)
    except UnreadableImageError as error:
        return str(error)
