"""What follows training: the decision from the validation films, floors and familiarity from the training films.

Test films have no part in it: nothing here can reach them.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xray.checkpoint import FAMILIARITY_KEY, load_classifier, read_checkpoint, store_decision
from xray.data.record import fingerprint, record_of_films
from xray.errors import UserError
from xray.evaluation.decision import Decision, ValidationFilms, fit_decision
from xray.evaluation.operating_point import OperatingPoint
from xray.familiarity import LEAST_FILMS, Familiarity, fit_familiarity
from xray.files import why_not_writable, write_whole
from xray.inference import best_device, logits_of
from xray.text import printable

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule
    from xray.models.base import FilmClassifier

RECORD: Final = "decision.json"
"""What is kept of a decision outside of its checkpoint."""
FEW: Final = 50
"""Validation films of a class below which a reader is told so: a sensitivity of 0.9 on 50 has an interval (Wilson's, at
95%) of 0.79 to 0.96."""
MOST_TOLD: Final = 8
"""Films that are named."""


def complete_checkpoint(path: Path, data: "ChestXRayDataModule", record: Path) -> None:
    """Give the best checkpoint of a fit its decision, its shortcut floors and what it takes for a film.

    Args:
        path: The checkpoint.
        data: The data of the fit.
        record: The run's folder, for `RECORD`.

    Raises:
        UserError: It cannot be written.
    """
    from xray.floors import fit_floors

    model = load_classifier(read_checkpoint(path)).to(best_device())
    familiarity = fit_familiarity(data.grey_chunks("train"), data.grey_chunks("val"))
    calibrate_checkpoint(path, model, data, model.operating_point, record / RECORD, fit_floors(data), familiarity)


def calibrate_checkpoint(
    path: Path,
    model: "FilmClassifier",
    data: "ChestXRayDataModule",
    point: OperatingPoint,
    record: Path,
    floors: dict[str, Any] | None = None,
    familiarity: Familiarity | None = None,
) -> None:
    """Fit a decision on the validation films, put it into a checkpoint, and say so.

    What the checkpoint takes for a film was learnt from training films that may not be at hand any more. It stays, but
    its limits come from these validation films as the decision does, so that films of a place that it is calibrated for
    are not refused there.

    Args:
        path: The checkpoint.
        model: The model with its weights, in evaluation mode.
        data: Set up with validation films.
        point: The rule of the operating point.
        record: A file for the decision beside.
        floors: Shortcut floors for the checkpoint; None leaves those in it.
        familiarity: Fitted on the training films and on these; None takes the one in the checkpoint, if there is one.

    Raises:
        UserError: It cannot be written.
    """
    if reason := "it is a folder" if record.is_dir() else why_not_writable(record):
        raise UserError(f"{record} cannot be written ({reason}), and nothing was: mend the place.")
    films = data.films["val"]
    labels = np.array([film.label for film in films], dtype=np.int64)
    counts = np.bincount(labels, minlength=2)
    if counts.min() < FEW:
        told = " and ".join(f"{count} of {name}" for count, name in zip(counts, data.class_names, strict=True))
        data.note(
            f"Temperature and operating point are from few validation films ({told}) and rough: {FEW} of each class "
            "would tell a share to within some 0.1; the fewer, the nearer to one half are all probabilities."
        )
    fitted_on = ValidationFilms(
        data_root=str(data.root),
        validation=data.validation,
        films=len(films),
        patients=len({film.patient for film in films}),
        fingerprint=fingerprint(films),
        notes=tuple(data.notes),
    )
    decision = fit_decision(labels, logits_of(model, data.grey_chunks("val"), data.batch_size), point, fitted_on)
    if familiarity is None and (kept := read_checkpoint(path).record(FAMILIARITY_KEY)) is not None:
        familiarity = Familiarity.from_dict(kept).with_validation(data.grey_chunks("val"))
    plain = familiarity.as_dict() if familiarity else None
    stored = store_decision(path, decision, record_of_films(films), floors, plain)
    with write_whole(record) as file:
        json.dump(stored, file, indent=2)
        file.write("\n")
    print(describe(decision))
    if familiarity is None:
        print(
            f"Nothing is refused: that takes what {LEAST_FILMS} training films look like, which this checkpoint lacks."
        )
        return
    print(familiarity.describe())
    if familiarity.is_wide:
        unlike = familiarity.beyond_training(data.grey_chunks("val"))
        furthest = np.argsort(-unlike)[:MOST_TOLD].tolist()
        told = ", ".join(printable(films[i].path) for i in furthest if unlike[i] > 1)
        print(f"  The furthest from the training films: {told}. Are they frontal chest films? If not, remove them.")


def describe(decision: Decision) -> str:
    """A decision in two lines."""
    on = decision.fitted_on
    return (
        f"Decision fitted on {on.films} validation films of {on.patients} patients: temperature "
        f"{decision.temperature:.3f}, threshold {decision.threshold:.4f}\n"
        f"  ({decision.wish}: there sensitivity {decision.sensitivity:.4f}, specificity {decision.specificity:.4f})"
    )
