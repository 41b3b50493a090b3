"""Speed of building the cache: images per second against full decoding and resizing by Pillow in as many threads.

Ours reads each file twice, to hash it and to decode it, decodes large JPEG files at reduced scale, and brings all to
the disk; Pillow decodes in full, converts to grey, resizes with the same filter, and keeps the result in memory.
"""

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from images import repeat_images
from measure import alternate, describe_machine, ratio
from xray.data.cache.store import ImageCache
from xray.data.index.folders import image_names
from xray.utils.hardware import usable_cores


def build(paths: list[Path], size: int) -> tuple[float, np.ndarray]:
    """Images per second into a cache that starts empty, and the images."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        cache = ImageCache(Path(folder), size, "stretch")
        images, rows, bad = cache.fetch(paths, cache.hash_files(paths))
        seconds = time.perf_counter() - start
        assert not bad
        return len(paths) / seconds, images[rows]


def decode_fully(paths: list[Path], size: int) -> tuple[float, np.ndarray]:
    """The same by Pillow alone."""

    def read(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            return np.asarray(image.convert("L").resize((size, size), Image.Resampling.BILINEAR))

    start = time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as pool:
        images = np.stack(list(pool.map(read, paths)))
    return len(paths) / (time.perf_counter() - start), images


def main() -> None:
    """Copy the images, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--images", type=Path, required=True, help="folder with NORMAL and PNEUMONIA, full-size JPEG files"
    )
    parser.add_argument("--copies", type=int, default=4, help="so that what a cache costs once has its usual share")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 224])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repeat_images(options.images, Path(folder), options.copies)
        compare([Path(folder) / name for name in image_names(Path(folder))], options)


def compare(paths: list[Path], options: argparse.Namespace) -> None:
    """Measure each size, and print a row for each."""
    print("| size | cache, images/s | full decoding, images/s | ratio | mean difference of pixels, of 255 |")
    print("| --- | --- | --- | --- | --- |")
    for size in options.sizes:
        ours, full = build(paths, size)[1].astype(int), decode_fully(paths, size)[1].astype(int)
        rates = alternate(
            {"cache": lambda s=size: build(paths, s)[0], "full": lambda s=size: decode_fully(paths, s)[0]},
            options.repeats,
        )
        print(
            f"| {size} | {statistics.median(rates['cache']):.0f} | {statistics.median(rates['full']):.0f} | "
            f"{ratio(rates['cache'], rates['full'])} | {np.abs(ours - full).mean():.2f} |"
        )
    print(f"\n{len(paths)} images, {usable_cores()} threads. {describe_machine()}")


if __name__ == "__main__":
    main()
