"""Find the checkpoint to score or calibrate, and check that the images fit it."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from xray.cli.early_options import read_config
from xray.cli.error_messages import short_error
from xray.data.index.base import ImageRecord
from xray.data.split_record import images_from_json
from xray.runs.checkpoint import DECIDED_KEY, DECISION_KEY, TRAINED_KEY, Checkpoint, read_checkpoint
from xray.runs.data_settings import for_images_given
from xray.runs.run import Kind, Run, find_model, newest_run, run_of_checkpoint, run_of_config
from xray.runs.settings import CHECKPOINTS, LOGS
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.image_data import ImageData

FOLDERS: Final = {"root": LOGS, "checkpoints": CHECKPOINTS}
"""Settings of `run` that are folders, with their defaults."""


@dataclass(frozen=True)
class ResolvedCheckpoint:
    """A checkpoint that was found, and the run that it belongs to, if any."""

    checkpoint: Checkpoint
    run: Run | None

    def set_up(self, data: "ImageData", stage: str, split: str) -> None:
        """Set up the images of a split, and reject those that the checkpoint was trained on.

        Args:
            data: Not set up yet.
            stage: validate, test or calibrate.
            split: val or test.

        Raises:
            UserError: The classes, the images or their patients do not fit.
        """
        check_classes(self.checkpoint, data)
        data.setup(stage)
        note_differences(self.checkpoint, data)
        reject_fitted_images(self.checkpoint, data, split)
        of_run = f" of run {self.run.name}" if self.run is not None else ""
        print(f"Checkpoint {self.checkpoint.path}{of_run}, images of {data.source_name}")
        if stage != "calibrate" and self.checkpoint.record(DECISION_KEY) is None:
            path = shlex.quote(str(self.checkpoint.path))
            print(
                "This checkpoint is undecided: it is scored at threshold 0.5 without scaling and OOD limits, which "
                f"'python -m xray calibrate --ckpt_path {path}' fits."
            )


def find_checkpoint(
    ckpt_path: str | None = None, configs: Sequence[Path] = (), run: Mapping[str, str | None] = MappingProxyType({})
) -> ResolvedCheckpoint:
    """Find the checkpoint that is named, or else the best one of the newest run.

    Args:
        ckpt_path: A file, a run such as cnn/version_0, an experiment, or "best" or "last" of the run that follows
            from the other arguments.
        configs: Config files. The last one that names a checkpoint, or that is the saved config of a run, counts; so
            do their settings of `run`.
        run: Settings of `run` on the command line, which override theirs: `name`, `root`, `checkpoints`.

    Raises:
        UserError: There is none.
    """
    read = [read_config(path) for path in configs]
    ckpt_path = ckpt_path or next((config["ckpt_path"] for config in reversed(read) if config.get("ckpt_path")), None)
    if ckpt_path and ckpt_path not in {"best", "last"}:
        file = find_model(ckpt_path)
        return ResolvedCheckpoint(read_checkpoint(file), run_of_checkpoint(file))
    given = {key: value for key, value in run.items() if value is not None}
    saved = next((found for path in reversed(configs) if (found := run_of_config(path))), None)
    kind: Kind = "last" if ckpt_path == "last" else "best"
    if saved is None or given:
        settings = run_settings(configs, read) | given
        logs, checkpoints = (Path(settings.get(key) or default) for key, default in FOLDERS.items())
        saved = newest_run(logs, checkpoints, settings.get("name"), kind)
    return ResolvedCheckpoint(read_checkpoint(saved.checkpoint(kind)), saved)


def run_settings(configs: Sequence[Path], read: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of `run` in config files; a config that trains has a name also if it gives none.

    Args:
        configs: The files.
        read: Their content.
    """
    settings: dict[str, Any] = {}
    for config in read:
        settings |= config.get("run") or {}
    if not settings.get("name") and any("model" in config for config in read):
        settings["name"] = configs[-1].stem
    return settings


def config_for_scoring(checkpoint: Checkpoint, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's config without its loggers, and of its callbacks with the user's own.

    On one device: several would score some images twice to fill their batches.

    Args:
        checkpoint: The run's checkpoint.
        given: Data settings that the command gives, see `xray.runs.data_settings.for_images_given`.
    """
    # A copy, since jsonargparse turns texts in lists into paths in place.
    config = {key: deepcopy(checkpoint.config[key]) for key in ("seed_everything", "trainer", "model", "data")}
    config["imports"] = checkpoint.config.get("imports", [])  # missing in earlier versions
    config["trainer"] = config["trainer"] | {
        "devices": 1,
        "num_nodes": 1,
        "strategy": "auto",
        "logger": False,
        "callbacks": own_callbacks(config["trainer"].get("callbacks")),
    }
    data = config["data"]["init_args"] if "class_path" in config["data"] else config["data"]
    # The command line itself gives its values later.
    data |= {key: value for key, value in for_images_given(data, given).items() if key not in given}
    return config


def own_callbacks(callbacks: Any) -> list[Any]:  # noqa: ANN401 - None, one or a list
    """Return the callbacks of a checkpoint's config that are not xray's, which record fits, and that exist here."""
    own = []
    for callback in callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []:
        class_path = callback["class_path"]
        if class_path.startswith("xray."):
            continue
        try:
            resolve_name(class_path)
        except (ImportError, AttributeError):
            print(f"Note: {class_path} of the fit takes no part: there is no such class here.", file=sys.stderr)
        else:
            own.append(callback)
    return own


def outdated_config(checkpoint: Checkpoint, error: ArgumentError, parser: ArgumentParser) -> UserError:
    """Return the error of a checkpoint whose config this version's parser does not accept."""
    reason = short_error(str(error), parser)
    return UserError(f"The config in {checkpoint.path} is of another version of xray: {reason}")


def scores_only_part(trainer: Namespace) -> bool:
    """Return whether the trainer's settings score only a part of the images."""
    limits = (trainer.limit_test_batches, trainer.limit_val_batches)
    # In Lightning 1.0 means all batches, and 1 means one batch.
    complete = (limit is None or (isinstance(limit, float) and limit == 1) for limit in limits)
    return bool(trainer.fast_dev_run) or not all(complete)


def check_classes(checkpoint: Checkpoint, data: "ImageData") -> None:
    """Reject swapped classes, and note other ones.

    Args:
        checkpoint: Of the training.
        data: What is about to be scored.

    Raises:
        UserError: The classes are swapped.
    """
    trained = tuple(checkpoint.data_settings["class_names"])
    if data.class_names == trained[::-1]:
        raise UserError(
            f"data.class_names {list(data.class_names)} swaps the classes of the training, where the second one is "
            f"positive: leave the option out, or give {list(trained)}."
        )
    if data.class_names != trained:
        data.note(
            f"Trained on the classes {trained[0]} and {trained[1]}, scored on {' and '.join(data.class_names)} instead."
        )


def note_differences(checkpoint: Checkpoint, data: "ImageData") -> None:
    """Note in the results where the size of the images differs from the training; `data` is set up."""
    for name in ("image_size", "resize"):
        trained_with, scored_with = checkpoint.data_settings[name], getattr(data, name)
        if trained_with != scored_with:
            data.note(f"Trained with data.{name} {trained_with}, scored with {scored_with}.")


def reject_fitted_images(checkpoint: Checkpoint, data: "ImageData", split: str) -> list[ImageRecord]:
    """Reject images that a checkpoint was trained on and, in a test, those that its decision was fitted on.

    Args:
        checkpoint: The checkpoint that scores them.
        data: Set up for the split.
        split: val or test.

    Returns:
        The images that it was trained on.

    Raises:
        UserError: Some are in the split, and overlaps are rejected.
    """
    source = Path(data.source_name).absolute()
    trained = images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))
    same_source = Path(checkpoint.data_source).absolute() == source
    data.reject_fitted_images(trained, split, same_source, "images that the model was trained on")
    if split == "test" and (decision := checkpoint.record(DECISION_KEY)):
        decided = images_from_json(checkpoint.content.get(DECIDED_KEY, "[]"))
        same_source = Path(decision["fitted_on"]["data_root"]).absolute() == source
        data.reject_fitted_images(decided, split, same_source, "images that its decision was fitted on")
    return trained


def is_external(checkpoint: Checkpoint, data: "ImageData") -> bool:
    """Return whether images are from another source: another folder, without any image of the training.

    Args:
        checkpoint: The checkpoint that scores them.
        data: Set up for test or validate.
    """
    if Path(checkpoint.data_source).absolute() == Path(data.source_name).absolute():
        return False
    trained = {image.digest for image in images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))}
    return not any(image.digest in trained for image in (*data.train_and_val_images, *data.images.get("train", [])))
