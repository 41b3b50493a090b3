"""What follows training: the decision from the validation images, baselines and OOD detector from the training images.

Test images have no part in it: nothing here can reach them.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xray.data.split_record import fingerprint, images_to_json
from xray.evaluation.decision import Decision, ValidationImages, fit_decision
from xray.evaluation.operating_point import OperatingPoint
from xray.ood.detector import MIN_IMAGES, OODDetector, fit_ood_detector
from xray.runs.checkpoint import OOD_KEY, load_classifier, read_checkpoint, store_decision
from xray.scoring.inference import best_device, logits_of
from xray.utils.errors import UserError
from xray.utils.files import why_not_writable, write_whole
from xray.utils.text import printable

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule
    from xray.models.base import ImageClassifier

RECORD: Final = "decision.json"
"""What is kept of a decision outside of its checkpoint."""
FEW: Final = 50
"""Validation images of a class below which a reader is told so: a sensitivity of 0.9 on 50 has an interval (Wilson's, at
95%) of 0.79 to 0.96."""
MOST_TOLD: Final = 8
"""Images that are named."""


def complete_checkpoint(path: Path, data: "ChestXRayDataModule", record: Path) -> None:
    """Give the best checkpoint of a fit its decision, its shortcut baselines and what it takes for an image.

    Args:
        path: The checkpoint.
        data: The data of the fit.
        record: The run's folder, for `RECORD`.

    Raises:
        UserError: It cannot be written.
    """
    from xray.scoring.baselines import fit_baselines

    model = load_classifier(read_checkpoint(path)).to(best_device())
    ood = fit_ood_detector(data.grey_chunks("train"), data.grey_chunks("val"))
    calibrate_checkpoint(path, model, data, model.operating_point, record / RECORD, fit_baselines(data), ood)


def calibrate_checkpoint(
    path: Path,
    model: "ImageClassifier",
    data: "ChestXRayDataModule",
    point: OperatingPoint,
    record: Path,
    baselines: dict[str, Any] | None = None,
    ood: OODDetector | None = None,
) -> None:
    """Fit a decision on the validation images, put it into a checkpoint, and say so.

    What the checkpoint takes for an image was learnt from training images that may not be at hand any more. It stays, but
    its limits come from these validation images as the decision does, so that images of a place that it is calibrated for
    are not rejected there.

    Args:
        path: The checkpoint.
        model: The model with its weights, in evaluation mode.
        data: Set up with validation images.
        point: The rule of the operating point.
        record: A file for the decision beside.
        baselines: Shortcut baselines for the checkpoint; None leaves those in it.
        ood: Fitted on the training images and on these; None takes the one in the checkpoint, if there is one.

    Raises:
        UserError: It cannot be written.
    """
    if reason := "it is a folder" if record.is_dir() else why_not_writable(record):
        raise UserError(f"{record} cannot be written ({reason}), and nothing was: mend the place.")
    images = data.images["val"]
    labels = np.array([image.label for image in images], dtype=np.int64)
    counts = np.bincount(labels, minlength=2)
    if counts.min() < FEW:
        told = " and ".join(f"{count} of {name}" for count, name in zip(counts, data.class_names, strict=True))
        data.note(
            f"Temperature and operating point are from few validation images ({told}) and rough: {FEW} of each class "
            "would tell a share to within some 0.1; the fewer, the nearer to one half are all probabilities."
        )
    fitted_on = ValidationImages(
        data_root=str(data.root),
        validation=data.validation,
        images=len(images),
        patients=len({image.patient for image in images}),
        fingerprint=fingerprint(images),
        notes=tuple(data.notes),
    )
    decision = fit_decision(labels, logits_of(model, data.grey_chunks("val"), data.batch_size), point, fitted_on)
    if ood is None and (kept := read_checkpoint(path).record(OOD_KEY)) is not None:
        ood = OODDetector.from_dict(kept).with_validation(data.grey_chunks("val"))
    plain = ood.as_dict() if ood else None
    stored = store_decision(path, decision, images_to_json(images), baselines, plain)
    with write_whole(record) as file:
        json.dump(stored, file, indent=2)
        file.write("\n")
    print(describe(decision))
    if ood is None:
        print(
            f"Nothing is rejected: that takes what {MIN_IMAGES} training images look like, which this checkpoint lacks."
        )
        return
    print(ood.describe())
    if ood.is_wide:
        unlike = ood.beyond_training(data.grey_chunks("val"))
        furthest = np.argsort(-unlike)[:MOST_TOLD].tolist()
        told = ", ".join(printable(images[i].path) for i in furthest if unlike[i] > 1)
        print(f"  The furthest from the training images: {told}. Are they frontal chest X-rays? If not, remove them.")


def describe(decision: Decision) -> str:
    """A decision in two lines."""
    on = decision.fitted_on
    return (
        f"Decision fitted on {on.images} validation images of {on.patients} patients: temperature "
        f"{decision.temperature:.3f}, threshold {decision.threshold:.4f}\n"
        f"  ({decision.description}: there sensitivity {decision.sensitivity:.4f}, specificity {decision.specificity:.4f})"
    )
