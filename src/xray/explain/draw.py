"""From an image file to the picture of its explanation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from xray.data.film import GreyFilm, UnreadableFilmError, load_film, read_film
from xray.explain.figure import explanation_figure
from xray.explain.maps import Method, explain_film
from xray.predictor.judge import Judge, Verdict

LONGER_SIDE: Final = 1000
"""Of a film as drawn, in pixels."""
DOTS_PER_INCH: Final = 150


def draw_film(path: Path, picture: Path, judge: Judge, methods: Sequence[Method]) -> Verdict | str:
    """Judge a film, explain it, and write the figure as PNG.

    Args:
        path: The film's file.
        picture: Where to write.
        judge: The model.
        methods: The maps wanted.

    Returns:
        What the model says, or, where nothing was written, why not.

    Raises:
        UserError: The model gives no numbers.
        OSError: The picture cannot be written.
    """
    manifest = judge.predictor.manifest
    try:
        films = np.stack([load_film(path, manifest.image_size, manifest.resize)])
        verdict = judge(films)[0]
        if verdict.refusal:
            return f"refused {path}: {verdict.refusal}"
        shown = read_film(path, LONGER_SIDE)
    except UnreadableFilmError as error:
        return f"cannot read {path}: {error}"
    explanations = [explain_film(judge.predictor, films[0], method) for method in methods]
    figure = explanation_figure(path.name, smaller(shown, LONGER_SIDE), verdict, explanations, manifest)
    figure.savefig(picture, dpi=DOTS_PER_INCH)
    return verdict


def smaller(film: GreyFilm, longer_side: int) -> GreyFilm:
    """The film in its own proportions with a longer side of so many pixels at most."""
    height, width = film.shape
    if max(film.shape) <= longer_side:
        return film
    size = [max(1, round(side * longer_side / max(film.shape))) for side in (width, height)]
    return np.asarray(Image.fromarray(film).resize((size[0], size[1]), Image.Resampling.BILINEAR), dtype=np.uint8)
