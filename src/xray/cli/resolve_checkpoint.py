"""Find the checkpoint to score or calibrate, and check that the images fit it."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentError, ArgumentParser, Namespace

from xray.cli.early_options import read_config
from xray.cli.error_messages import short_error
from xray.data.index.folders import ImageRecord
from xray.data.split_record import images_from_json
from xray.runs.checkpoint import DECIDED_KEY, DECISION_KEY, TRAINED_KEY, Checkpoint, read_checkpoint
from xray.runs.run import Run, find_model, newest_run, run_of_checkpoint, run_of_config
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule


@dataclass(frozen=True)
class ResolvedCheckpoint:
    """A checkpoint that was found, and the run that it belongs to, if any."""

    checkpoint: Checkpoint
    run: Run | None

    def set_up(self, data: "ChestXRayDataModule", stage: str, split: str) -> None:
        """Set up the images of a split, and reject those that the checkpoint was trained on.

        Args:
            data: Not set up yet.
            stage: validate, test or calibrate.
            split: val or test.

        Raises:
            UserError: The classes, the images or their patients do not fit.
        """
        check_like_training(self.checkpoint, data)
        data.setup(stage)
        reject_fitted_images(self.checkpoint, data, split)
        of_run = f" of run {self.run.name}" if self.run is not None else ""
        print(f"Checkpoint {self.checkpoint.path}{of_run}, images of {data.root}")
        if stage != "calibrate" and self.checkpoint.record(DECISION_KEY) is None:
            path = shlex.quote(str(self.checkpoint.path))
            print(
                "This checkpoint is undecided: it is scored at threshold 0.5 without scaling and OOD limits, which "
                f"'python -m xray calibrate --ckpt_path {path}' fits."
            )


def find_checkpoint(
    ckpt_path: str | None = None, configs: Sequence[Path] = (), experiment: str | None = None
) -> ResolvedCheckpoint:
    """Find the checkpoint that is named, or else the best one of the newest run.

    Args:
        ckpt_path: A file, a run such as cnn/version_0, an experiment, or "best" or "last" of the run that follows
            from the other arguments.
        configs: Config files. The last one that names a checkpoint, a run or an experiment counts.
        experiment: Take the newest run of this experiment.

    Raises:
        UserError: There is none.
    """
    run = newest_run(experiment=experiment) if experiment else None
    for path in reversed(configs):
        if run is None and ckpt_path in {None, "best", "last"}:
            run = run_of_config(path)
            config = {} if run else read_config(path)
            ckpt_path = ckpt_path or config.get("ckpt_path")
            with suppress(KeyError, TypeError):
                run = run or newest_run(experiment=config["trainer"]["logger"]["init_args"]["name"])
    if ckpt_path and ckpt_path not in {"best", "last"}:
        file = find_model(ckpt_path)
        return ResolvedCheckpoint(read_checkpoint(file), run_of_checkpoint(file))
    run = run or newest_run()
    return ResolvedCheckpoint(read_checkpoint(run.last if ckpt_path == "last" else run.best), run)


def config_for_scoring(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the run's config, on one device: several would score some images twice to fill their batches."""
    config = {key: checkpoint.config[key] for key in ("seed_everything", "trainer", "model", "data")}
    config["imports"] = checkpoint.config.get("imports", [])  # missing in earlier versions
    config["trainer"] = config["trainer"] | {"devices": 1, "num_nodes": 1, "strategy": "auto", "callbacks": None}
    return config


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


def check_like_training(checkpoint: Checkpoint, data: "ChestXRayDataModule") -> None:
    """Reject swapped classes, and note in the results where the data settings differ from the training.

    Args:
        checkpoint: Of the training.
        data: What is about to be scored.

    Raises:
        UserError: The classes are swapped.
    """
    trained = tuple(checkpoint.config["data"]["class_names"])
    if data.class_names == trained[::-1]:
        raise UserError(
            f"data.class_names {list(data.class_names)} swaps the classes of the training, where the second one is "
            f"positive: leave the option out, or give {list(trained)}."
        )
    if data.class_names != trained:
        data.note(
            f"Trained on the classes {trained[0]} and {trained[1]}, scored on {' and '.join(data.class_names)} instead."
        )
    for name in ("image_size", "resize"):
        trained_with, scored_with = checkpoint.config["data"][name], getattr(data, name)
        if trained_with != scored_with:
            data.note(f"Trained with data.{name} {trained_with}, scored with {scored_with}.")


def reject_fitted_images(checkpoint: Checkpoint, data: "ChestXRayDataModule", split: str) -> list[ImageRecord]:
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
    root = data.root.absolute()
    trained = images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))
    same_source = Path(checkpoint.config["data"]["root"]).absolute() == root
    data.reject_fitted_images(trained, split, same_source, "images that the model was trained on")
    if split == "test" and (decision := checkpoint.record(DECISION_KEY)):
        decided = images_from_json(checkpoint.content.get(DECIDED_KEY, "[]"))
        same_source = Path(decision["fitted_on"]["data_root"]).absolute() == root
        data.reject_fitted_images(decided, split, same_source, "images that its decision was fitted on")
    return trained


def is_external(checkpoint: Checkpoint, data: "ChestXRayDataModule") -> bool:
    """Return whether images are from another source: another folder, without any image of the training.

    Args:
        checkpoint: The checkpoint that scores them.
        data: Set up for test or validate.
    """
    if Path(checkpoint.config["data"]["root"]).absolute() == data.root.absolute():
        return False
    trained = {image.digest for image in images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))}
    return not any(image.digest in trained for image in (*data.train_and_val_images, *data.images.get("train", [])))
