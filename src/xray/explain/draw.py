"""From an image file to the picture of its explanation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from xray.data.film import UnreadableFilmError, load_film, read_film, shrink_film
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
    figure = explanation_figure(path.name, shrink_film(shown, LONGER_SIDE), verdict, explanations, manifest)
    figure.savefig(picture, dpi=DOTS_PER_INCH)
    return verdict
