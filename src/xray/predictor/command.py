"""The command `predict`: image files to a predictions table."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xray import NOTICE
from xray.utils.errors import UserError
from xray.utils.files import link_target, why_not_writable
from xray.utils.text import printable

if TYPE_CHECKING:
    from xray.evaluation.predictions import ImageOutcome


def predict(
    images: Sequence[Path],
    ckpt_path: Path | None = None,
    out: Path = Path("predictions.csv"),
    reject_ood: bool = True,
    allow_undecided: bool = False,
) -> int:
    """Predict images and write a predictions table.

    An image that does not look like a frontal chest X-ray is rejected: its row has a reason instead of a probability.

    Args:
        images: Files and folders; folders are searched at any depth for images.
        ckpt_path: The model: a checkpoint, an exported file, a run or an experiment; by default that of the newest run.
        out: The predictions table to write, one row per image.
        reject_ood: False predicts every readable image; for other images than chest X-rays this is meaningless.
        allow_undecided: True also takes a model of an interrupted fit, with threshold 0.5 and without OOD check.

    Returns:
        Exit status: 1 if an image could not be read (the others are still predicted), else 0.

    Raises:
        UserError: There is no image or no model, or `out` must not be overwritten.
    """
    from xray.data.index.image_files import find_images
    from xray.utils.library_warnings import silence_libraries

    silence_libraries()
    paths = find_images(images)
    check_out(out)
    # Imported late, so that a wrong path is reported immediately.
    from xray.evaluation.predictions import write_outcomes
    from xray.predictor.images import predict_images
    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model

    predictor = open_predictor(find_model(str(ckpt_path or "")), allow_undecided=allow_undecided)
    manifest = predictor.manifest
    print(f"{'Checkpoint' if manifest.format == 'checkpoint' else 'Model'} {printable(str(predictor.path))}")
    outcomes = predict_images(paths, predictor, reject_ood)
    for image in outcomes:
        if image.outcome != "predicted":
            verb = "cannot read" if image.outcome == "unreadable" else "rejected"
            print(f"xray: {verb} {printable(image.path)}: {image.reason}", file=sys.stderr)
    write_outcomes(out, outcomes)
    _print_summary(outcomes, manifest.threshold, manifest.class_names)
    print(f"Written: {printable(str(out))} ({len(outcomes)} images)")
    return int(any(image.outcome == "unreadable" for image in outcomes))


def check_out(out: Path) -> None:
    """Check that `out` is new or an earlier predictions table.

    Raises:
        UserError: `out` is anything else, or not writable.
    """
    from xray.evaluation.predictions import COLUMNS, OUTCOME_COLUMNS
    from xray.evaluation.scored_set import SOURCE

    target = link_target(out)
    if reason := why_not_writable(target):
        raise UserError(f"--out {out} cannot be written ({reason}): choose another file.")
    if out.is_dir():
        raise UserError(f"--out {out} is a folder: choose a file in it, such as {out / 'predictions.csv'}.")
    if out.exists():
        if not out.is_file():
            raise UserError(f"--out {out} is not a regular file: choose another one.")
        if (target.parent / SOURCE).exists():
            raise UserError(f"--out {out} belongs to a scored set, which is never overwritten: choose another file.")
        with out.open("rb") as file:
            header = file.readline(200)
        if header.strip() not in {",".join(columns).encode() for columns in (COLUMNS, OUTCOME_COLUMNS)}:
            raise UserError(f"--out {out} exists and is not a predictions table: choose another file.")


def _print_summary(outcomes: Sequence["ImageOutcome"], threshold: float, class_names: Sequence[str]) -> None:
    first = outcomes[0]
    if len(outcomes) == 1 and first.outcome == "predicted":
        print(
            f"{printable(first.path)}: {first.decision}, probability of {class_names[1]} {first.probability:.4f} "
            f"(threshold {threshold:.4f})"
        )
    else:
        decisions = Counter(image.decision for image in outcomes)
        counts = [f"{decisions[name]} {name}" for name in class_names]
        others = Counter(image.outcome for image in outcomes)
        counts += [f"{others[name]} {name}" for name in ("rejected", "unreadable") if others[name]]
        print(f"{', '.join(counts)} (threshold {threshold:.4f})")
    print(NOTICE)
