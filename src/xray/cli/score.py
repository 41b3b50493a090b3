"""Decide where validate and test write their results."""

from collections.abc import Sequence
from pathlib import Path

from xray.callbacks.score import ScoreWriter
from xray.cli.resolve_checkpoint import ResolvedCheckpoint, is_external
from xray.data.image_data import ImageData
from xray.scoring.evaluate import SplitScorer


def score_writer(
    scored: ResolvedCheckpoint, data: ImageData, stage: str, split: str, robustness: bool, imports: Sequence[str]
) -> ScoreWriter:
    """Return the callback that writes a scored set into the run's folder, or beside a checkpoint without a run.

    Args:
        scored: What is scored.
        data: Set up for the split. The results of other images than those of the training get a folder in `external`.
        stage: validate or test, the name of the folder.
        split: val or test.
        robustness: Whether to score corrupted images as well.
        imports: Modules of the user that the results depend on.
    """
    checkpoint, run = scored.checkpoint, scored.run
    external = is_external(checkpoint, data)
    scorer = SplitScorer(checkpoint, run.name if run else None, split, external, robustness, tuple(imports))
    folder = run.logs if run is not None else checkpoint.path.parent
    out = folder / "external" / Path(data.source_name).resolve().name if external else folder / stage
    own_test = run is not None and split == "test" and not external and checkpoint.path == run.best
    return ScoreWriter(out, scorer, run.logs if run is not None and own_test else None)
