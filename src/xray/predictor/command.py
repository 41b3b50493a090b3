"""The command predict: from image files to answers."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xray import NOTICE
from xray.utils.errors import UserError
from xray.utils.files import link_target, why_not_writable
from xray.utils.text import printable

if TYPE_CHECKING:
    from xray.evaluation.predictions import Predictions


def predict(
    images: Sequence[Path],
    ckpt_path: Path | None = None,
    out: Path = Path("predictions.csv"),
    reject_ood: bool = True,
) -> int:
    """Tell NORMAL from PNEUMONIA on images, or on folders of images which are searched at any depth.

    A picture that does not look like a frontal chest X-ray is rejected: it gets no row.

    Args:
        images: Files and folders in any mix; folders are searched at any depth for JPEG, PNG and DICOM.
        ckpt_path: The model: a checkpoint, a file that export has written, a run or an experiment; by default the
            newest run's best.
        out: The predictions table to write, one row for each image that is answered.
        reject_ood: False predicts whatever can be read; of other pictures the probability means nothing.

    Returns:
        The exit status: 1 where an image could not be read or was rejected; the others are predicted all the same.

    Raises:
        UserError: There is no image, no model, or `out` is not to be overwritten.
    """
    from xray.data.index.folders import find_images

    paths = find_images(images)
    check_out(out)
    # Imported late, so that a wrong path is told in no time.
    from xray.evaluation.predictions import write_predictions
    from xray.predictor.images import predict_images
    from xray.predictor.open import open_predictor
    from xray.runs.run import find_model

    predictor = open_predictor(find_model(str(ckpt_path or "")))
    manifest = predictor.manifest
    print(f"{'Checkpoint' if manifest.format == 'checkpoint' else 'Model'} {printable(str(predictor.path))}")
    table, unreadable, rejected = predict_images(paths, predictor, reject_ood)
    for path, reason in unreadable.items():
        print(f"xray: cannot read {printable(str(path))}: {reason}", file=sys.stderr)
    for path, reason in rejected.items():
        print(f"xray: rejected {printable(str(path))}: {reason}", file=sys.stderr)
    if not len(table):
        raise UserError("None of the images can be read and looks like a chest X-ray: nothing was written.")
    write_predictions(out, table)
    _tell(table, manifest.threshold, manifest.class_names)
    print(f"Written: {printable(str(out))} ({len(table)} images)")
    return 1 if unreadable or rejected else 0


def check_out(out: Path) -> None:
    """Reject to write over anything but an earlier predictions table.

    Raises:
        UserError: `out` is something else.
    """
    from xray.evaluation.predictions import COLUMNS
    from xray.evaluation.scored_set import SOURCE

    target = link_target(out)
    if reason := why_not_writable(target):
        raise UserError(f"--out {out} cannot be written ({reason}): name another file.")
    if out.is_dir():
        raise UserError(f"--out {out} is a folder: name a file in it, such as {out / 'predictions.csv'}.")
    if out.exists():
        if not out.is_file():
            raise UserError(f"--out {out} is no ordinary file: name another one.")
        if (target.parent / SOURCE).exists():
            raise UserError(f"--out {out} belongs to a scored set, which is never overwritten: name another file.")
        with out.open("rb") as file:
            header = file.readline(200)
        if header.strip() != ",".join(COLUMNS).encode():
            raise UserError(f"--out {out} exists and is no predictions table: it is left alone; name another file.")


def _tell(table: "Predictions", threshold: float, class_names: Sequence[str]) -> None:
    positive = class_names[1]
    if len(table) == 1:
        print(
            f"{printable(table.path[0])}: {table.decision[0]}, probability of {positive} {table.probability[0]:.4f} "
            f"(threshold {threshold:.4f})"
        )
    else:
        counts = ", ".join(f"{sum(d == name for d in table.decision)} {name}" for name in class_names)
        print(f"{counts} (threshold {threshold:.4f})")
    print(NOTICE)
