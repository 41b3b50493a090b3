"""Fit a checkpoint's decision, and after training its shortcut baselines and OOD detector.

Nothing here reads test images.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xray.data.split_record import fingerprint, images_from_json, images_to_json
from xray.evaluation.calibration_check import MIN_TO_CALIBRATE
from xray.evaluation.decision import Decision, ValidationImages, fit_decision
from xray.evaluation.operating_point import OperatingPoint
from xray.ood.detector import MIN_IMAGES, OODDetector, fit_ood_detector
from xray.runs.checkpoint import (
    BASELINES_KEY,
    OOD_KEY,
    TRAINED_KEY,
    Checkpoint,
    load_classifier,
    read_checkpoint,
    store_decision,
)
from xray.scoring.inference import best_device, logits_of
from xray.utils.errors import UserError
from xray.utils.files import open_atomic, why_not_writable
from xray.utils.text import count, printable

if TYPE_CHECKING:
    from xray.data.image_data import ImageData
    from xray.models.base import ImageClassifier

RECORD: Final = "decision.json"
"""Name of the file with a copy of the decision, next to the logs or the checkpoint."""
MAX_NAMED: Final = 8
"""Images that are listed."""


def complete_checkpoint(path: Path, data: "ImageData", record: Path) -> None:
    """Add the decision, the shortcut baselines and the OOD detector to the best checkpoint of a fit.

    Args:
        path: The checkpoint.
        data: The data of the fit.
        record: The run's folder, where `RECORD` is written.

    Raises:
        UserError: It cannot be written.
    """
    from xray.scoring.baselines import fit_baselines

    model = load_classifier(read_checkpoint(path)).to(best_device())
    ood = fit_ood_detector(data.grey_chunks("train"), data.grey_chunks("val"))
    point, copy = model.operating_point, record / RECORD
    calibrate_checkpoint(path, model, data, point, copy, fit_baselines(data), ood, keep_earlier=False)


def fit_missing_parts(checkpoint: Checkpoint, data: "ImageData") -> tuple[dict[str, Any] | None, OODDetector | None]:
    """Fit the shortcut baselines and the OOD detector that an interrupted fit has not stored.

    Args:
        checkpoint: The checkpoint.
        data: Set up for calibrate.

    Returns:
        Both as for `calibrate_checkpoint`; None if the checkpoint has them, or if `data` has not its training images.
    """
    from xray.scoring.baselines import fit_baselines

    trained = {image.digest for image in images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))}
    train = {image.digest for image in data.images.get("train", [])}
    if BASELINES_KEY in checkpoint.content or not train or not train <= trained:
        return None, None
    print("Fitting shortcut baselines and OOD detector on the training images, which its fit did not get to")
    return fit_baselines(data), fit_ood_detector(data.grey_chunks("train"), data.grey_chunks("val"))


def calibrate_checkpoint(
    path: Path,
    model: "ImageClassifier",
    data: "ImageData",
    point: OperatingPoint,
    record: Path,
    baselines: dict[str, Any] | None = None,
    ood: OODDetector | None = None,
    keep_earlier: bool = True,
) -> None:
    """Fit a decision on the validation images, store it in a checkpoint, and print it.

    The features of the OOD detector stay: they come from the training images, which may be gone. Its limits are fitted
    on these validation images, as the decision is, so that images of the site it is calibrated for are not rejected.

    Args:
        path: The checkpoint.
        model: The model with its weights, in evaluation mode.
        data: Set up with validation images.
        point: The rule of the operating point.
        record: File for a copy of the decision.
        baselines: Shortcut baselines for the checkpoint; None keeps those in it.
        ood: OOD detector for the checkpoint; None keeps the one in it, if any, with new limits.
        keep_earlier: Whether to keep the checkpoint's earlier decisions; not at the end of training.

    Raises:
        UserError: It cannot be written, or the model outputs NaN.
    """
    if reason := "it is a folder" if record.is_dir() else why_not_writable(record):
        raise UserError(f"{record} cannot be written ({reason}): fix that. Nothing was changed.")
    images = data.images["val"]
    labels = np.array([image.label for image in images], dtype=np.int64)
    counts = np.bincount(labels, minlength=2)
    if counts.min() < MIN_TO_CALIBRATE:
        text = " and ".join(f"{number} of {name}" for number, name in zip(counts, data.class_names, strict=True))
        data.note(
            f"Scaling and threshold are imprecise: fitted on few validation images ({text}). Use at least "
            f"{MIN_TO_CALIBRATE} of each class for a sensitivity to within 0.1."
        )
    fitted_on = ValidationImages(
        data_root=data.source_name,
        validation=data.validation,
        images=len(images),
        patients=len({image.patient for image in images}),
        fingerprint=fingerprint(images),
        notes=tuple(data.notes),
        images_by_class=(int(counts[0]), int(counts[1])),
    )
    logits = logits_of(model, data.grey_chunks("val"), data.batch_size)
    if not np.isfinite(logits).all():
        raise UserError(
            f"{path} cannot be used: the model outputs NaN or infinity for validation images. Training diverged; train "
            "with a lower learning rate."
        )
    decision = fit_decision(labels, logits, point, fitted_on, [image.patient for image in images])
    if ood is None and (kept := read_checkpoint(path).record(OOD_KEY)) is not None:
        ood = OODDetector.from_dict(kept).with_validation(data.grey_chunks("val"))
    stored = store_decision(
        path,
        decision,
        images_to_json(images),
        keep_earlier=keep_earlier,
        baselines=baselines,
        ood=ood.as_dict() if ood else None,
    )
    with open_atomic(record) as file:
        json.dump(stored, file, indent=2)
        file.write("\n")
    print(describe(decision))
    if ood is None:
        why = "this checkpoint has no OOD detector, which is fitted on its training images"
        if baselines:
            why = f"it needs at least {MIN_IMAGES} training images"
        print(f"OOD check disabled: {why}.")
        return
    print(ood.describe())
    if ood.is_wide:
        distance = ood.score_with_training_limits(data.grey_chunks("val"))
        furthest = np.argsort(-distance)[:MAX_NAMED].tolist()
        names = ", ".join(printable(images[i].path) for i in furthest if distance[i] > 1)
        print(f"  The furthest from the training images: {names}. Are they frontal chest X-rays? If not, remove them.")


def describe(decision: Decision) -> str:
    """Return a decision in two lines of text."""
    on = decision.fitted_on
    return (
        f"Decision fitted on {count(on.images, 'validation image')} of {count(on.patients, 'patient')}: "
        f"{decision.scaling}, threshold {decision.threshold:.4f}\n"
        f"  ({decision.description}: sensitivity {decision.sensitivity:.4f}, specificity {decision.specificity:.4f})"
    )
