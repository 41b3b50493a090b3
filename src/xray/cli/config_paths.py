"""Where a fit writes its run, and which checkpoint it resumes from, according to its config."""

from pathlib import Path

from jsonargparse import Namespace

from xray.runs.run import newest_run
from xray.utils.errors import UserError


def resume_path(config: Namespace) -> Path:
    """Return the checkpoint to resume from: a file, or the best or last one of the experiment's newest run."""
    if config.ckpt_path not in {"last", "best"}:
        return Path(config.ckpt_path)
    run = newest_run(Path(logger_of(config).save_dir), checkpoint_root(config), logger_of(config).get("name"))
    return run.last if config.ckpt_path == "last" else run.best


def logger_of(config: Namespace) -> Namespace:
    """Return the arguments of the logger, which give the run its folder.

    Raises:
        UserError: The config has no logger, several, or one without a folder.
    """
    logger = config.trainer.logger
    arguments = logger.get("init_args") if isinstance(logger, Namespace) else None
    if isinstance(arguments, Namespace) and arguments.get("save_dir"):
        return arguments
    raise UserError(
        "trainer.logger must be one logger with save_dir and name, which give the run its folder: copy it from "
        "configs/cnn.yaml, or try the config without writing anything with --trainer.fast_dev_run true."
    )


def checkpoint_root(config: Namespace) -> Path:
    """Return the folder of the checkpoints of all runs."""
    for callback in config.trainer.callbacks or []:
        if callback.class_path.endswith(".RunCheckpoint"):
            return Path(callback.init_args.root)
    return Path("checkpoints")
