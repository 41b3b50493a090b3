"""The command `calibrate`: fit a checkpoint's decision again, without training."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentError

from xray.data.index.base import ImageIndex
from xray.evaluation.operating_point import OperatingPoint, Rule
from xray.evaluation.scaling import Scaling
from xray.runs.model_file import SUFFIXES


@dataclass(frozen=True)
class DataOverrides:
    """Data settings that differ from those of the training.

    Args:
        root: Folder of the images, with train and val, with val alone, or with the class folders; or a table.
        index: What lists the images, as data.index of a config.
        validation: Where the validation images come from, as data.validation of a config.
        val_fraction: Share of the images for validation.
        split_seed: Seed of the split.
        class_names: Names of the class folders; the second one is positive.
        patient_pattern: Regular expression that finds the patient in a path.
        cache: Keep decoded images on disk.
        cache_dir: Where to keep them.
        batch_size: Images per batch.
        unreadable: "stop" at files that cannot be decoded, or "skip" them.
        overlaps: "reject" images or patients of the training, or "accept" them.
    """

    root: Path | None = None
    index: ImageIndex | None = None
    validation: Literal["random", "blocks", "folder"] | None = None
    val_fraction: float | None = None
    split_seed: int | None = None
    class_names: tuple[str, str] | None = None
    patient_pattern: str | None = None
    cache: bool | None = None
    cache_dir: Path | None = None
    batch_size: int | None = None
    unreadable: Literal["stop", "skip"] | None = None
    overlaps: Literal["reject", "accept"] | None = None


@dataclass(frozen=True)
class OperatingPointOverrides:
    """How the threshold is chosen, where that differs from the training.

    Args:
        rule: youden, sensitivity, specificity or cost.
        target: What the rule aims at, such as 0.95.
    """

    rule: Rule | None = None
    target: float | None = None


@dataclass(frozen=True)
class ModelOverrides:
    """Model settings that differ from those of the training.

    Args:
        operating_point: How the threshold is chosen.
    """

    operating_point: OperatingPointOverrides = OperatingPointOverrides()


def calibrate(
    ckpt_path: str | None = None,
    data: DataOverrides = DataOverrides(),
    model: ModelOverrides = ModelOverrides(),
) -> None:
    """Fit scaling, threshold and OOD limits of a checkpoint again, on validation images, without training.

    Settings that are not given are those of the training run. A checkpoint of an interrupted fit also gets the shortcut
    baselines and the OOD detector, from its training images.

    Args:
        ckpt_path: A run such as cnn/version_0, an experiment, a checkpoint, or "last" for the newest run's last one; by
            default the newest run's best.
        data: The validation images.
        model: The operating point.

    Raises:
        UserError: There is no such checkpoint, its settings or images do not fit, or it cannot be written.
    """
    from xray.cli.resolve_checkpoint import find_checkpoint, outdated_config
    from xray.runs.checkpoint import DECISION_KEY, load_classifier
    from xray.runs.data_settings import for_images_given
    from xray.runs.training_data import build_data, data_parser
    from xray.scoring.calibrate import RECORD, calibrate_checkpoint, fit_missing_parts
    from xray.scoring.inference import best_device
    from xray.scoring.leakage import find_duplicates
    from xray.utils.hardware import prepare_torch
    from xray.utils.imports import import_modules
    from xray.utils.library_warnings import silence_libraries

    silence_libraries()
    prepare_torch()
    scored = find_checkpoint(ckpt_path)
    checkpoint, run, path = scored.checkpoint, scored.run, scored.checkpoint.path
    import_modules(checkpoint.config.get("imports"), path)
    given = {field.name: getattr(data, field.name) for field in fields(data)}
    given = {key: value for key, value in given.items() if value is not None}
    try:
        images = build_data(checkpoint, for_images_given(checkpoint.data_settings, given))
    except ArgumentError as error:
        raise outdated_config(checkpoint, error, data_parser()) from error
    classifier = load_classifier(checkpoint)
    point = new_point(classifier.operating_point, model.operating_point)
    scored.set_up(images, "calibrate", "val")
    if earlier := checkpoint.record(DECISION_KEY):
        print(f"Until now: {Scaling.of(earlier)}, threshold {earlier['threshold']:.4f}")
    find_duplicates(checkpoint, images, "val")  # for the notes in the decision
    is_best = run is not None and path.absolute() == run.best.absolute()
    record = run.logs / RECORD if run is not None and is_best else path.with_name(f"{path.stem}.{RECORD}")
    parts = fit_missing_parts(checkpoint, images)
    calibrate_checkpoint(path, classifier.to(best_device()), images, point, record, *parts)
    print(f"Written to {path} and {record}. Next: python -m xray test --ckpt_path {path}")
    if exports := sorted(file.name for file in path.parent.glob(f"{path.stem}*") if file.suffix in SUFFIXES.values()):
        print(f"Existing exports keep the old threshold; export again: {', '.join(exports)}")


def new_point(trained: OperatingPoint, other: OperatingPointOverrides) -> OperatingPoint:
    """Return the operating point to fit: a new rule needs its own target, a new target keeps the rule."""
    if other.rule is not None:
        return OperatingPoint(other.rule, other.target)
    return trained if other.target is None else replace(trained, target=other.target)
