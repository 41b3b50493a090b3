"""Where the scored sets of a run lie: `test`, `validate` and `external/NAME` in the run's folder."""

from contextlib import suppress
from pathlib import Path

from xray.evaluation.scored_set import PREDICTIONS, SOURCE
from xray.runs.run import LOGS, Run
from xray.utils.errors import UserError

PAGE = "report.html"
TEST, VALIDATE, EXTERNAL = "test", "validate", "external"
MOST_NAMES = 8
"""Runs that a message lists."""


def find_scored_set(name: str) -> Path:
    """The folder of a run's internal test.

    Args:
        name: A run such as `cnn/version_0` or `logs/cnn/version_0`, an experiment (its newest run), or a folder of
            tables, which is taken as it is.

    Raises:
        UserError: There is no such run, or it has no test.
    """
    if _is_scored(Path(name)):
        return Path(name)
    run = _find_run(name)
    if not _is_scored(run / TEST):
        raise _nothing(run, "no test yet", [other for other in _all_runs() if _is_scored(other / TEST)])
    return run / TEST


def scored_sets(name: str = "") -> list[Path]:
    """All scored sets of a run, the internal test first.

    Args:
        name: As for `find_scored_set`; of a folder of tables only itself. By default the newest run that has any.

    Raises:
        UserError: There is no such run, or nothing of it is scored.
    """
    if not name:
        scored = [run for run in _all_runs() if _sets(run)]
        if not scored:
            raise UserError(
                f"No run in {LOGS}/ has anything scored: 'python -m xray test' scores the newest one; or name a folder "
                f"that holds {PREDICTIONS} and {SOURCE}."
            )
        return _sets(scored[0])
    if _is_scored(Path(name)):
        return [Path(name)]
    run = _find_run(name)
    if sets := _sets(run):
        return sets
    raise _nothing(run, "nothing scored yet", [other for other in _all_runs() if _sets(other)])


def sets_without_tables(folder: Path) -> list[Path]:
    """Sets of the run in whose folder a set lies that have a report, but no tables that it could be made of again."""
    run = folder.parent.parent if folder.parent.name == EXTERNAL else folder.parent
    return [place for place in _places(run) if _is_file(place / PAGE) and not _is_scored(place)]


def sets_beside(folder: Path) -> list[Path]:
    """All scored sets of the run in whose folder a set lies, itself among them; only itself where it lies elsewhere."""
    here = folder.absolute()
    place = here if folder.name in {"", ".."} else folder  # the parent of `.` is no folder above it
    if here.parent.name == EXTERNAL:
        run = place.parent.parent
    elif here.name in {TEST, VALIDATE}:
        run = place.parent
    else:
        return [folder]
    return [folder if other.absolute() == here else other for other in _sets(run)]


def _places(run: Path) -> list[Path]:
    return [run / TEST, run / VALIDATE, *_inside(run / EXTERNAL)]


def _sets(run: Path) -> list[Path]:
    return [place for place in _places(run) if _is_scored(place)]


def _is_scored(folder: Path) -> bool:
    return _is_file(folder / PREDICTIONS) and _is_file(folder / SOURCE)


def _find_run(name: str) -> Path:
    for folder in (Path(name), LOGS / name):
        if _is_run(folder):
            return folder
        if runs := _newest_first(folder):
            return runs[0]
    known = _all_runs()
    there_is = f"there are {_named(known)}" if known else f"{LOGS}/ holds none"
    raise UserError(f"There is no run {name!r}: {there_is}.")


def _is_run(folder: Path) -> bool:
    return _is_file(folder / "config.yaml") or bool(_sets(folder))


def _is_file(path: Path) -> bool:
    with suppress(OSError):  # too long a name, or a folder that may not be entered
        return path.is_file()
    return False


def _inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.glob("*"))
    return []


def _newest_first(experiment: Path) -> list[Path]:
    """The runs in the folder of an experiment, the one begun last first."""
    return sorted((run for run in _inside(experiment) if _is_run(run)), key=_began, reverse=True)


def _began(run: Path) -> tuple[int, int]:
    config, version = run / "config.yaml", Run(run, run).version
    time = config.stat().st_mtime_ns if config.is_file() else 0
    return time, version if isinstance(version, int) else -1


def _all_runs() -> list[Path]:
    runs = [run for experiment in _inside(LOGS) for run in _newest_first(experiment)]
    return sorted(runs, key=_began, reverse=True)


def _nothing(run: Path, lack: str, others: list[Path]) -> UserError:
    instead = f", or name another run: {_named(others)}" if others else ""
    name = f"{run.parent.name}/{run.name}"
    return UserError(f"The run {name} has {lack}: score it with 'python -m xray test'{instead}.")


def _named(runs: list[Path]) -> str:
    names = [f"{run.parent.name}/{run.name}" for run in runs]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
