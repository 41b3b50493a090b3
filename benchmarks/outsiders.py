"""How many real films a checkpoint refuses as no chest films, and how many other pictures it lets pass.

    python benchmarks/outsiders.py --ckpt checkpoints/cnn/version_0/best.ckpt --films data/chest_xray/test

The other pictures are made from a seed and the installed packages (see `pictures.py`). Real films inverted, turned or
cut are counted apart, and so are films spoilt as in the robustness curve, which should not be refused.
"""

import argparse
import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pictures import outsiders
from xray.checkpoint import FAMILIARITY_KEY, read_checkpoint
from xray.data.corruptions import CORRUPTIONS, corrupt
from xray.data.decode import decode_films
from xray.data.film import FILM_SUFFIXES, ResizeRule, load_film
from xray.familiarity import Familiarity

Films = npt.NDArray[np.uint8]
MOST = 150
"""Real films that are altered or spoilt."""


def as_films(pictures: Iterable[Image.Image], size: int, rule: ResizeRule) -> Films:
    """Pictures as a network would see their PNG files, shape (pictures, size, size)."""
    films = []
    for picture in pictures:
        file = io.BytesIO()
        picture.save(file, "PNG")
        file.seek(0)
        films.append(load_film(file, size, rule))
    return np.stack(films)


def part(films: Films, top: float, left: float, share: float) -> Films:
    """A square part of each film, enlarged to its size; place and side as shares of the film's side."""
    size = films.shape[-1]
    box = (left * size, top * size, (left + share) * size, (top + share) * size)
    return np.stack([np.asarray(Image.fromarray(film).resize((size, size), box=box)) for film in films])


ALTERED: dict[str, Callable[[Films], Films]] = {
    "inverted": lambda films: 255 - films,
    "upside down": lambda films: np.rot90(films, 2, (1, 2)),
    "on a side": lambda films: np.concatenate([np.rot90(films[::2], 1, (1, 2)), np.rot90(films[1::2], 3, (1, 2))]),
    "mirrored": lambda films: films[:, :, ::-1],
    "an eighth of the contrast, dark": lambda films: films // 8,
    "an eighth of the contrast, bright": lambda films: 255 - (255 - films) // 8,
    "half the side, upper left": lambda films: part(films, 0.1, 0.1, 0.45),
    "three fifths of the side, centre": lambda films: part(films, 0.2, 0.2, 0.6),
}
"""What is done to real films."""


def main() -> None:
    """Print the shares as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ckpt", type=Path, required=True, help="checkpoint of a fit")
    parser.add_argument("--films", type=Path, required=True, help="folder of real films, with folders below it")
    parser.add_argument("--of-each", type=int, default=40, help="other pictures of each kind")
    options = parser.parse_args()

    checkpoint = read_checkpoint(options.ckpt)
    stored = checkpoint.record(FAMILIARITY_KEY)
    if stored is None:
        parser.error(f"{options.ckpt} refuses nothing: too few training films, or fitted by an earlier version")
    familiarity = Familiarity.from_dict(stored)
    size, rule = checkpoint.config["data"]["image_size"], checkpoint.config["data"]["resize"]
    paths = sorted(path for path in options.films.rglob("*") if path.suffix.lower() in FILM_SUFFIXES)
    if not paths:
        parser.error(f"no JPEG or PNG files in {options.films}")
    real, _ = decode_films(paths, size, rule)

    def row(name: str, films: Films) -> float:
        refused = familiarity.score(np.ascontiguousarray(films)) > 1
        print(f"| {name} | {len(films):,} | {refused.sum():,} | {refused.mean():.1%} | {(~refused).mean():.1%} |")
        return float((~refused).mean())

    def head(title: str) -> None:
        print(f"\n| {title} | pictures | refused | refused | let pass |\n| --- | --- | --- | --- | --- |")

    print(familiarity.describe())
    head("real films")
    row(str(options.films.name), real)
    some = real[:: max(1, -(-len(real) // MOST))]
    for strength in (1, 2, 3):
        row(f"spoilt, strength {strength}", np.concatenate([corrupt(some, c, strength, 0) for c in CORRUPTIONS]))
    head("real films, altered")
    for name, alter in ALTERED.items():
        row(name, alter(some))
    head("other pictures")
    kinds = outsiders(0, options.of_each)
    passed = [row(kind, as_films(pictures, size, rule)) for kind, pictures in kinds.items()]
    print(f"| mean of the kinds | | | | {np.mean(passed):.1%} |")


if __name__ == "__main__":
    main()
