"""Which checkpoint validate and test score, before the command line is parsed in full."""

from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xray.checkpoint import Checkpoint, read_checkpoint
from xray.cli.configs import named_configs, parse_known, read_config
from xray.runs import Run, newest_run, run_of_checkpoint, run_of_config


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
        path = Path(named.ckpt_path)
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
    """The run's config; one process scores, so that each film counts exactly once, unless the user wants more."""
    config = {key: checkpoint.config[key] for key in ("seed_everything", "trainer", "model", "data")}
    config["trainer"] = config["trainer"] | {"devices": 1, "num_nodes": 1, "strategy": "auto", "callbacks": None}
    return config
