"""Which checkpoint a command scores, before the command line is parsed in full, and what kind of scoring that is."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xray.cli.configs import named_configs, parse_known, read_config
from xray.data.index.folders import ImageRecord
from xray.data.split_record import images_from_json
from xray.runs.checkpoint import DECIDED_KEY, DECISION_KEY, TRAINED_KEY, Checkpoint, read_checkpoint
from xray.runs.run import Run, find_model, newest_run, run_of_checkpoint, run_of_config
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.data.datamodule import ChestXRayDataModule


@dataclass(frozen=True)
class Scored:
    """What validate or test scores: a checkpoint, and the run that it belongs to, if any."""

    checkpoint: Checkpoint
    run: Run | None


def find_scored(words: Sequence[str]) -> Scored:
    """Find the checkpoint: the one named, or the best of the config's run or experiment, or of the newest run.

    Raises:
        UserError: There is none.
    """
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--ckpt_path")
    parser.add_argument("--trainer.logger.name", "--trainer.logger.init_args.name", dest="experiment")
    named = parse_known(parser, words)
    if named.ckpt_path and named.ckpt_path not in {"best", "last"}:
        path = find_model(named.ckpt_path)
        return Scored(read_checkpoint(path), run_of_checkpoint(path))
    if named.experiment:
        run = newest_run(experiment=named.experiment)
    else:
        run = _run_of_configs(named_configs(words)) or newest_run()
    return Scored(read_checkpoint(run.last if named.ckpt_path == "last" else run.best), run)


def _run_of_configs(configs: Sequence[Path]) -> Run | None:
    """The run that the last config was saved in, or the newest of the experiment that it names."""
    for path in reversed(configs):
        if run := run_of_config(path):
            return run
        with suppress(KeyError, TypeError):
            return newest_run(experiment=read_config(path)["trainer"]["logger"]["init_args"]["name"])
    return None


def config_for_scoring(checkpoint: Checkpoint) -> dict[str, Any]:
    """The run's config; one process scores, so that each image counts exactly once, unless the user wants more."""
    config = {key: checkpoint.config[key] for key in ("seed_everything", "trainer", "model", "data")}
    config["trainer"] = config["trainer"] | {"devices": 1, "num_nodes": 1, "strategy": "auto", "callbacks": None}
    return config


def is_trial(trainer: Namespace) -> bool:
    """Whether the trainer's settings score only a part of the images."""
    limits = (trainer.limit_test_batches, trainer.limit_val_batches)
    # To Lightning 1.0 is all batches, and 1 is one batch.
    whole = (limit is None or (isinstance(limit, float) and limit == 1) for limit in limits)
    return bool(trainer.fast_dev_run) or not all(whole)


def check_like_training(checkpoint: Checkpoint, data: "ChestXRayDataModule", sizes_too: bool) -> None:
    """Reject or note what is asked of the data otherwise than in training.

    Args:
        checkpoint: Of the training.
        data: What is asked.
        sizes_too: Whether images have to be of the size that they were trained with.

    Raises:
        UserError: The classes are turned around, or images of another size or shape than wanted.
    """
    trained = tuple(checkpoint.config["data"]["class_names"])
    if data.class_names == trained[::-1]:
        raise UserError(
            f"data.class_names {list(data.class_names)} turns the classes of the training around: the second one is "
            f"positive. Leave the option out, or give {list(trained)}."
        )
    if data.class_names != trained:
        data.note(
            f"Trained to tell {trained[0]} from {trained[1]}; as asked, {' and '.join(data.class_names)} are these."
        )
    for name in ("image_size", "resize"):
        trained_with, asked = checkpoint.config["data"][name], getattr(data, name)
        if trained_with != asked and sizes_too:
            raise UserError(
                f"data.{name} {asked} is not what the model was trained with, {trained_with}: predict, explain and "
                "serve would decide on other images than these. Leave the option out."
            )
        if trained_with != asked:
            data.note(f"Trained with data.{name} {trained_with}, scored with {asked} as asked.")


def reject_known(checkpoint: Checkpoint, data: "ChestXRayDataModule", split: str) -> list[ImageRecord]:
    """Reject to score images that a checkpoint was trained on, or to test it on those of its decision.

    Args:
        checkpoint: What scores them.
        data: Set up for the split.
        split: What is about to be scored.

    Returns:
        Those that it was trained on.

    Raises:
        UserError: Some are, and overlaps are not accepted.
    """
    root = data.root.absolute()
    trained = images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))
    same_source = Path(checkpoint.config["data"]["root"]).absolute() == root
    data.reject_known(trained, split, same_source, "images that the model was trained on")
    if split == "test" and (decision := checkpoint.record(DECISION_KEY)):
        decided = images_from_json(checkpoint.content.get(DECIDED_KEY, "[]"))
        same_source = Path(decision["fitted_on"]["data_root"]).absolute() == root
        data.reject_known(decided, split, same_source, "images that its decision was fitted on")
    return trained


def is_external(checkpoint: Checkpoint, data: "ChestXRayDataModule") -> bool:
    """Whether images are of another source: another folder, and none beside them that the model was trained on.

    Args:
        checkpoint: What scores them.
        data: Set up for test or validate.
    """
    if Path(checkpoint.config["data"]["root"]).absolute() == data.root.absolute():
        return False
    trained = {image.digest for image in images_from_json(checkpoint.content.get(TRAINED_KEY, "[]"))}
    return not any(image.digest in trained for image in (*data.train_and_val_images, *data.images.get("train", [])))
