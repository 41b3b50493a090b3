"""Share of chest X-rays and of other images that a checkpoint rejects.

    python benchmarks/rejections.py --ckpt checkpoints/cnn/version_0/best.ckpt --images data/chest_xray/test

The other images are generated from a seed and the installed packages (see `other_images.py`). Real images inverted,
rotated or cut are counted separately, and so are images corrupted as in the robustness curve, which should not be
rejected.
"""

import argparse
import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from other_images import other_images
from xray.data.decode.batch import decode_images
from xray.data.decode.image import IMAGE_SUFFIXES, ResizeRule, load_image
from xray.ood.detector import OODDetector
from xray.runs.checkpoint import OOD_KEY, read_checkpoint
from xray.scoring.corruptions import CORRUPTIONS, corrupt

Images = npt.NDArray[np.uint8]
MOST = 150
"""Real images that are altered or corrupted."""


def as_input(images: Iterable[Image.Image], size: int, rule: ResizeRule) -> Images:
    """Images as a network would see their PNG files, shape (images, size, size)."""
    resized = []
    for image in images:
        file = io.BytesIO()
        image.save(file, "PNG")
        file.seek(0)
        resized.append(load_image(file, size, rule))
    return np.stack(resized)


def part(images: Images, top: float, left: float, share: float) -> Images:
    """A square part of each image, enlarged to its size; place and side as shares of the image's side."""
    size = images.shape[-1]
    box = (left * size, top * size, (left + share) * size, (top + share) * size)
    return np.stack([np.asarray(Image.fromarray(image).resize((size, size), box=box)) for image in images])


ALTERED: dict[str, Callable[[Images], Images]] = {
    "inverted": lambda images: 255 - images,
    "upside down": lambda images: np.rot90(images, 2, (1, 2)),
    "on a side": lambda images: np.concatenate([np.rot90(images[::2], 1, (1, 2)), np.rot90(images[1::2], 3, (1, 2))]),
    "mirrored": lambda images: images[:, :, ::-1],
    "an eighth of the contrast, dark": lambda images: images // 8,
    "an eighth of the contrast, bright": lambda images: 255 - (255 - images) // 8,
    "half the side, upper left": lambda images: part(images, 0.1, 0.1, 0.45),
    "three fifths of the side, centre": lambda images: part(images, 0.2, 0.2, 0.6),
}
"""What is done to real images."""


def main() -> None:
    """Print the shares as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ckpt", type=Path, required=True, help="checkpoint of a fit")
    parser.add_argument("--images", type=Path, required=True, help="folder of real images, with folders below it")
    parser.add_argument("--of-each", type=int, default=40, help="other images of each kind")
    options = parser.parse_args()

    checkpoint = read_checkpoint(options.ckpt)
    stored = checkpoint.record(OOD_KEY)
    if stored is None:
        parser.error(f"{options.ckpt} rejects nothing: too few training images, or fitted by an earlier version")
    ood = OODDetector.from_dict(stored)
    size, rule = checkpoint.config["data"]["image_size"], checkpoint.config["data"]["resize"]
    paths = sorted(path for path in options.images.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        parser.error(f"no JPEG or PNG files in {options.images}")
    real, _ = decode_images(paths, size, rule)

    def row(name: str, images: Images) -> float:
        rejected = ood.score(np.ascontiguousarray(images)) > 1
        print(f"| {name} | {len(images):,} | {rejected.sum():,} | {rejected.mean():.1%} | {(~rejected).mean():.1%} |")
        return float((~rejected).mean())

    def head(title: str) -> None:
        print(f"\n| {title} | images | rejected | rejected | let pass |\n| --- | --- | --- | --- | --- |")

    print(ood.describe())
    head("real images")
    row(str(options.images.name), real)
    some = real[:: max(1, -(-len(real) // MOST))]
    for strength in (1, 2, 3):
        row(f"corrupted, strength {strength}", np.concatenate([corrupt(some, c, strength, 0) for c in CORRUPTIONS]))
    head("real images, altered")
    for name, alter in ALTERED.items():
        row(name, alter(some))
    head("other images")
    kinds = other_images(0, options.of_each)
    passed = [row(kind, as_input(images, size, rule)) for kind, images in kinds.items()]
    print(f"| mean of the kinds | | | | {np.mean(passed):.1%} |")


if __name__ == "__main__":
    main()
