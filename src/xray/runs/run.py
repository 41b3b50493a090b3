"""Create and find the folders of a run (no torch import).

Config and logs are in `logs/<experiment>/version_N/`, checkpoints in `checkpoints/<experiment>/version_N/`; `logs` and
`checkpoints` have the same parent.
"""

import glob
import os
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xray.runs.settings import CHECKPOINTS, LOGS, RunSettings
from xray.utils.errors import UserError
from xray.utils.files import user_path
from xray.utils.text import printable

Kind = Literal["best", "last"]
"""Which checkpoint of a run: of the best validation epoch, or of the last epoch."""


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        logs: Folder of its config, logs and scored sets.
        checkpoints: Folder of its checkpoints.
    """

    logs: Path
    checkpoints: Path

    @property
    def name(self) -> str:
        """Experiment and version, for example `cnn/version_3`."""
        return f"{self.logs.parent.name}/{self.logs.name}"

    @property
    def version(self) -> int | str:
        """The number N of `version_N`, or a name chosen by the user."""
        number = self.logs.name.removeprefix("version_")
        return int(number) if number.isdecimal() and number != self.logs.name else self.logs.name

    @property
    def config(self) -> Path:
        """The saved config, which repeats the run."""
        return self.logs / "config.yaml"

    @property
    def best(self) -> Path:
        """The checkpoint of the best validation epoch."""
        return self.checkpoints / "best.ckpt"

    @property
    def last(self) -> Path:
        """The checkpoint of the last epoch, to resume from."""
        return self.checkpoints / "last.ckpt"

    def checkpoint(self, kind: Kind) -> Path:
        """Return the best or the last checkpoint."""
        return self.best if kind == "best" else self.last


def claim_run(settings: RunSettings) -> Run:
    """Create the folders of a new run, with the next free number; two processes never get the same run.

    Args:
        settings: Folders, and the name of the experiment.

    Raises:
        UserError: The name is not that of a folder, or the folders cannot be written.
    """
    experiment, logs, checkpoints = settings.name or "default", settings.root, settings.checkpoints
    if experiment in {".", ".."} or Path(experiment).name != experiment:
        raise UserError(f"run.name {experiment!r} is not a folder name: give one without slashes, or set run.root.")
    folders = [path for root in (logs, checkpoints) for path in (root / experiment).glob("version_*")]
    number = max(map(_version_number, folders), default=-1) + 1
    while not _make_folder(logs / experiment / f"version_{number}"):
        number += 1
    run = Run(logs / experiment / f"version_{number}", checkpoints / experiment / f"version_{number}")
    try:
        _make_folder(run.checkpoints)
    except UserError:
        release_run(run)
        raise
    return run


def release_run(run: Run) -> None:
    """Remove the empty folders of a run in which nothing was written."""
    for folder in (run.logs, run.logs.parent, run.checkpoints, run.checkpoints.parent):
        # Ignore folders that are not empty, or that another process has just removed.
        with suppress(OSError):
            folder.rmdir()


def newest_run(
    logs: Path = LOGS, checkpoints: Path = CHECKPOINTS, experiment: str | None = None, kind: Kind = "best"
) -> Run:
    """Return the most recently started run that has a checkpoint; name the newer ones without on standard error.

    Args:
        logs: Folder of all runs.
        checkpoints: Folder of all checkpoints.
        experiment: Only runs of this experiment.
        kind: Which checkpoint it must have.

    Raises:
        UserError: There is no such run.
    """
    pattern = f"{glob.escape(experiment) if experiment else '*'}/*/config.yaml"
    runs = [Run(config.parent, checkpoints / config.parent.relative_to(logs)) for config in logs.glob(pattern)]
    runs.sort(key=lambda run: (run.config.stat().st_mtime_ns, _version_number(run.logs)), reverse=True)
    found = next((number for number, run in enumerate(runs) if run.checkpoint(kind).is_file()), None)
    if found is None:
        where = f"of the experiment {experiment} " if experiment else ""
        raise UserError(
            f"No run {where}with a {kind}.ckpt in {logs}/ and {checkpoints}/: train one with 'python -m xray fit "
            "--config configs/cnn.yaml', or give a checkpoint with --ckpt_path FILE."
        )
    if passed_over := [run.name for run in runs[:found]]:
        print(
            f"Note: {runs[found].name} is taken; newer, but without a {kind}.ckpt (interrupted, failed, still "
            f"training or without checkpoints): {printable(', '.join(passed_over))}",
            file=sys.stderr,
        )
    return runs[found]


def find_model(name: str = "", kind: Kind = "best") -> Path:
    """Return the model file of a run, experiment, folder or file name.

    Args:
        name: A run such as `cnn/version_0`, an experiment (its newest run), a folder of logs or checkpoints of either,
            in any project, or a file; by default the newest run.
        kind: Which checkpoint of the run.

    Returns:
        The checkpoint of the run, or the file itself, whose type is not checked.

    Raises:
        UserError: There is no such run or file, or it cannot be accessed.
    """
    if not name:
        return newest_run(kind=kind).checkpoint(kind)
    path = user_path(name)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
        problem = f"There is no run with a {kind}.ckpt, and no file, called {name!r}"
    except OSError as error:
        raise UserError(f"{name} cannot be accessed ({error.strerror}): fix that, or give another model.") from error
    else:
        if not is_folder:
            return path
        problem = f"{name} is a folder without a {kind}.ckpt, and not of a run or experiment that has one"
    folders = [path] if is_folder else []
    if ".." not in path.parts:  # may be the name of a run
        folders.append(LOGS / path)
    for folder in folders:
        if found := _find_checkpoint(folder, kind):
            return found
    raise UserError(f"{problem}: give a run such as cnn/version_0, an experiment, a checkpoint or an exported file.")


def _find_checkpoint(folder: Path, kind: Kind) -> Path | None:
    """Return the checkpoint in a folder, or of the run or experiment that the folder belongs to."""
    if (folder / f"{kind}.ckpt").is_file():
        return folder / f"{kind}.ckpt"
    run = run_of_config(folder / "config.yaml")
    if run and run.checkpoint(kind).is_file():
        return run.checkpoint(kind)
    root, experiment = _absolute(folder).parent, _absolute(folder).name
    if root.name in {LOGS.name, CHECKPOINTS.name}:
        logs, checkpoints = (_relative(root.with_name(sibling.name)) for sibling in (LOGS, CHECKPOINTS))
        with suppress(UserError):
            return newest_run(logs, checkpoints, experiment, kind).checkpoint(kind)
    return None


def run_of_checkpoint(checkpoint: Path) -> Run | None:
    """Return the run of a checkpoint by its path; None for a file that was moved elsewhere."""
    folder = _absolute(checkpoint).parent
    root = folder.parent.parent
    logs = root.parent / LOGS / folder.relative_to(root)
    if root.name != CHECKPOINTS.name or not (logs / "config.yaml").is_file():
        return None
    return Run(_relative(logs), _relative(folder))


def run_of_config(config: Path) -> Run | None:
    """Return the run of a saved config by its path; None for any other config."""
    folder = _absolute(config).parent
    root = folder.parent.parent
    if config.name != "config.yaml" or root.name != LOGS.name:
        return None
    return Run(_relative(folder), _relative(root.parent / CHECKPOINTS / folder.relative_to(root)))


def _absolute(path: Path) -> Path:
    """Make a path absolute without resolving links: `checkpoints` may be a link to another disk."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


def _relative(path: Path) -> Path:
    """Return a path relative to the working folder if it is below it, as users type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _make_folder(folder: Path) -> bool:
    """Create a folder; return False if it exists already."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if folder.is_dir():
            return False
        raise UserError(f"{folder} cannot be created because a file has its name: move the file.") from None
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}): fix its permissions, or set other folders with run.root "
            "and run.checkpoints."
        ) from None
    return True


def _version_number(folder: Path) -> int:
    version = Run(folder, folder).version
    return version if isinstance(version, int) else -1
