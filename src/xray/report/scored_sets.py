"""Find the scored sets of a run: `test`, `validate` and `external/NAME` in the run's folder."""

import shlex
from collections.abc import Callable
from pathlib import Path

from xray.evaluation.scored_set import PREDICTIONS, SOURCE
from xray.runs.run import Run
from xray.runs.settings import LOGS
from xray.utils.errors import UserError
from xray.utils.files import user_path

PAGE = "report.html"
TEST, VALIDATE, EXTERNAL = "test", "validate", "external"
MAX_NAMES = 8
"""Runs listed in an error message."""


def find_scored_set(name: str) -> Path:
    """Return the folder of a run's internal test.

    Args:
        name: A run such as `cnn/version_0` or `logs/cnn/version_0`, an experiment (its newest run with a test), or a
            folder of tables, which is returned unchanged.

    Raises:
        UserError: The run does not exist or has no test.
    """
    if _is_scored(user_path(name)):
        return user_path(name)
    return _newest_with(lambda run: _is_scored(run / TEST), "no test results", name) / TEST


def scored_sets(name: str = "") -> list[Path]:
    """Return all scored sets of a run, the internal test first.

    Args:
        name: See `find_scored_set`; a folder of tables gives only itself. By default the newest run with a scored set.

    Raises:
        UserError: The run does not exist or has no scored set.
    """
    if name and _is_scored(user_path(name)):
        return [user_path(name)]
    return _sets(_newest_with(lambda run: bool(_sets(run)), "no scored set", name))


def reports_without_tables(folder: Path) -> list[Path]:
    """Return the sets of the same run that have a report but no tables to rebuild it from."""
    return [other for other in _set_folders(run_folder(folder)) if (other / PAGE).is_file() and not _is_scored(other)]


def sets_of_same_run(folder: Path) -> list[Path]:
    """Return all scored sets of the run that a set belongs to, including it; only itself if it is not in a run."""
    sets = _sets(run_folder(folder))
    return sets if folder in sets else [folder]


def run_folder(scored_set: Path) -> Path:
    """Return the folder of the run that a scored set belongs to: its parent, or that of `external`."""
    return scored_set.parent.parent if scored_set.parent.name == EXTERNAL else scored_set.parent


def _set_folders(run: Path) -> list[Path]:
    return [run / TEST, run / VALIDATE, *sorted((run / EXTERNAL).glob("*"))]


def _sets(run: Path) -> list[Path]:
    return [folder for folder in _set_folders(run) if _is_scored(folder)]


def _is_scored(folder: Path) -> bool:
    return (folder / PREDICTIONS).is_file() and (folder / SOURCE).is_file()


def _newest_with(has_results: Callable[[Path], bool], missing: str, name: str) -> Path:
    """Return the named run, or the newest run with results of the named experiment or of all; name those passed over.

    Args:
        has_results: Whether a run has the results.
        missing: What a run without them is said to have.
        name: A run or an experiment; all runs if empty.
    """
    candidates = _runs_called(name) if name else _all_runs()
    for i, run in enumerate(candidates):
        if has_results(run):
            if i:
                print(f"Passed over, newer but with {missing}: {_names(candidates[:i])}. Taken: {_names([run])}")
            return run
    others = [run for run in _all_runs() if has_results(run)]
    if not name:
        raise UserError(
            f"No run in {LOGS}/ has a scored set: score the newest with 'python -m xray test', or give a folder "
            f"that contains {PREDICTIONS} and {SOURCE}."
        )
    instead = f", or give another run: {_names(others)}" if others else ""
    newest = candidates[0]
    if newest.parent.parent == LOGS:
        option = f"--ckpt_path {shlex.quote(_names([newest]))}"
    elif (config := newest / "config.yaml").is_file():
        option = f"--config {shlex.quote(str(config))}"
    else:  # the folder of a checkpoint that was scored outside its run
        option = f"--ckpt_path {shlex.quote(str(newest))}"
    command = f"python -m xray test {option}"
    raise UserError(f"The run {_names([newest])} has {missing}: score it with '{command}'{instead}.")


def _runs_called(name: str) -> list[Path]:
    """Return a run, or the runs of an experiment, the one started last first."""
    for folder in (user_path(name), LOGS / name):
        if _is_run(folder):
            return [folder]
        if runs := _newest_first(folder):
            return runs
    runs = _all_runs()
    available = f"available runs are {_names(runs)}" if runs else f"{LOGS}/ contains no runs"
    raise UserError(f"There is no run {name!r}: {available}.")


def _is_run(folder: Path) -> bool:
    return (folder / "config.yaml").is_file() or bool(_sets(folder))


def _newest_first(experiment: Path) -> list[Path]:
    """Return the runs in an experiment's folder, the one started last first."""
    return sorted(filter(_is_run, sorted(experiment.glob("*"))), key=_start_key, reverse=True)


def _start_key(run: Path) -> tuple[int, int]:
    config, version = run / "config.yaml", Run(run, run).version
    time = config.stat().st_mtime_ns if config.is_file() else 0
    return time, version if isinstance(version, int) else -1


def _all_runs() -> list[Path]:
    runs = [run for experiment in sorted(LOGS.glob("*")) for run in _newest_first(experiment)]
    return sorted(runs, key=_start_key, reverse=True)


def _names(runs: list[Path]) -> str:
    names = [f"{run.parent.name}/{run.name}" for run in runs]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
