"""Find the scored sets of a run: `test`, `validate` and `external/NAME` in the run's folder."""

import shlex
from pathlib import Path

from xray.evaluation.scored_set import PREDICTIONS, SOURCE
from xray.runs.run import LOGS, Run
from xray.utils.errors import UserError
from xray.utils.files import user_path

PAGE = "report.html"
TEST, VALIDATE, EXTERNAL = "test", "validate", "external"
MAX_NAMES = 8
"""Runs listed in an error message."""


def find_scored_set(name: str) -> Path:
    """Return the folder of a run's internal test.

    Args:
        name: A run such as `cnn/version_0` or `logs/cnn/version_0`, an experiment (its newest run), or a folder of
            tables, which is returned unchanged.

    Raises:
        UserError: The run does not exist or has no test.
    """
    if _is_scored(user_path(name)):
        return user_path(name)
    run = _find_run(name)
    if not _is_scored(run / TEST):
        raise _not_scored(run, "no test results", [other for other in _all_runs() if _is_scored(other / TEST)])
    return run / TEST


def scored_sets(name: str = "") -> list[Path]:
    """Return all scored sets of a run, the internal test first.

    Args:
        name: See `find_scored_set`; a folder of tables gives only itself. By default the newest run with a scored set.

    Raises:
        UserError: The run does not exist or has no scored set.
    """
    if not name:
        scored = [run for run in _all_runs() if _sets(run)]
        if not scored:
            raise UserError(
                f"No run in {LOGS}/ has a scored set: score the newest with 'python -m xray test', or give a folder "
                f"that contains {PREDICTIONS} and {SOURCE}."
            )
        return _sets(scored[0])
    if _is_scored(user_path(name)):
        return [user_path(name)]
    run = _find_run(name)
    if sets := _sets(run):
        return sets
    raise _not_scored(run, "no scored set", [other for other in _all_runs() if _sets(other)])


def reports_without_tables(folder: Path) -> list[Path]:
    """Return the sets of the same run that have a report but no tables to rebuild it from."""
    return [other for other in _set_folders(_run_of(folder)) if (other / PAGE).is_file() and not _is_scored(other)]


def sets_of_same_run(folder: Path) -> list[Path]:
    """Return all scored sets of the run that a set belongs to, including it; only itself if it is not in a run."""
    sets = _sets(_run_of(folder))
    return sets if folder in sets else [folder]


def _run_of(scored_set: Path) -> Path:
    return scored_set.parent.parent if scored_set.parent.name == EXTERNAL else scored_set.parent


def _set_folders(run: Path) -> list[Path]:
    return [run / TEST, run / VALIDATE, *sorted((run / EXTERNAL).glob("*"))]


def _sets(run: Path) -> list[Path]:
    return [folder for folder in _set_folders(run) if _is_scored(folder)]


def _is_scored(folder: Path) -> bool:
    return (folder / PREDICTIONS).is_file() and (folder / SOURCE).is_file()


def _find_run(name: str) -> Path:
    for folder in (user_path(name), LOGS / name):
        if _is_run(folder):
            return folder
        if runs := _newest_first(folder):
            return runs[0]
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


def _not_scored(run: Path, missing: str, others: list[Path]) -> UserError:
    instead = f", or give another run: {_names(others)}" if others else ""
    name = f"{run.parent.name}/{run.name}"
    command = f"python -m xray test --ckpt_path {shlex.quote(name)}"
    return UserError(f"The run {name} has {missing}: score it with '{command}'{instead}.")


def _names(runs: list[Path]) -> str:
    names = [f"{run.parent.name}/{run.name}" for run in runs]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
