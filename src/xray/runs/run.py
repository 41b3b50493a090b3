"""Create and find the folders of a run (no torch import).

Config and logs are in `logs/<experiment>/version_N/`, checkpoints in `checkpoints/<experiment>/version_N/`; `logs` and
`checkpoints` have the same parent.
"""

import glob
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xray.utils.errors import UserError
from xray.utils.files import user_path

LOGS = Path("logs")
CHECKPOINTS = Path("checkpoints")


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


def claim_run(logs: Path, checkpoints: Path, experiment: str, version: int | str | None = None) -> Run:
    """Create the folders of a new run; two processes never get the same run.

    Args:
        logs: Folder of all logs.
        checkpoints: Folder of all checkpoints.
        experiment: Name of the experiment.
        version: A version chosen by the user; by default the next free number.

    Raises:
        UserError: The version exists, or the folder cannot be written.
    """
    for part in (experiment, str(version)):
        if part in {"", ".", ".."} or Path(part).name != part:
            raise UserError(
                f"trainer.logger: {part!r} is not a folder name; name and version must not contain slashes."
            )
    if version is not None:
        name = version if isinstance(version, str) else f"version_{version}"
        run = Run(logs / experiment / name, checkpoints / experiment / name)
        if run.checkpoints.exists() or not _make_folder(run.logs):
            raise UserError(
                f"The run {run.name} exists and is never overwritten: omit trainer.logger.version to get the next "
                "free number, or choose another."
            )
    else:
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


def newest_run(logs: Path = LOGS, checkpoints: Path = CHECKPOINTS, experiment: str | None = None) -> Run:
    """Return the most recently started run that has a best checkpoint.

    Raises:
        UserError: There is no such run.
    """
    pattern = f"{glob.escape(experiment) if experiment else '*'}/*/config.yaml"
    candidates = [Run(config.parent, checkpoints / config.parent.relative_to(logs)) for config in logs.glob(pattern)]
    finished = [run for run in candidates if run.best.is_file()]
    if not finished:
        where = f"of the experiment {experiment} " if experiment else ""
        raise UserError(
            f"No run {where}with a checkpoint in {logs}/ and {checkpoints}/: train one with 'python -m xray fit "
            "--config configs/cnn.yaml', or give a checkpoint with --ckpt_path FILE."
        )
    return max(finished, key=lambda run: (run.config.stat().st_mtime_ns, _version_number(run.logs)))


def find_model(name: str = "") -> Path:
    """Return the model file of a run, experiment, folder or file name.

    Args:
        name: A run such as `cnn/version_0`, an experiment (its newest run), a folder of logs or checkpoints of either,
            in any project, or a file; by default the newest run.

    Returns:
        The best checkpoint of the run, or the file itself, whose type is not checked.

    Raises:
        UserError: There is no such run or file, or it cannot be accessed.
    """
    if not name:
        return newest_run().best
    path = user_path(name)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
        problem = f"There is no run with a checkpoint, and no file, called {name!r}"
    except OSError as error:
        raise UserError(f"{name} cannot be accessed ({error.strerror}): fix that, or give another model.") from error
    else:
        if not is_folder:
            return path
        problem = f"{name} is a folder without a best.ckpt, and not of a run or experiment that has one"
    folders = [path] if is_folder else []
    if ".." not in path.parts:  # may be the name of a run
        folders.append(LOGS / path)
    for best in map(_find_best, folders):
        if best:
            return best
    raise UserError(f"{problem}: give a run such as cnn/version_0, an experiment, a checkpoint or an exported file.")


def _find_best(folder: Path) -> Path | None:
    """Return the best checkpoint in a folder, or of the run or experiment that the folder belongs to."""
    if (folder / "best.ckpt").is_file():
        return folder / "best.ckpt"
    run = run_of_config(folder / "config.yaml")
    if run and run.best.is_file():
        return run.best
    root, experiment = _absolute(folder).parent, _absolute(folder).name
    if root.name in {LOGS.name, CHECKPOINTS.name}:
        logs, checkpoints = (_relative(root.with_name(sibling.name)) for sibling in (LOGS, CHECKPOINTS))
        with suppress(UserError):
            return newest_run(logs, checkpoints, experiment).best
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
            f"{folder} cannot be written ({error.strerror}): fix its permissions, or set another folder in the "
            "config (save_dir of trainer.logger, root of RunCheckpoint)."
        ) from None
    return True


def _version_number(folder: Path) -> int:
    version = Run(folder, folder).version
    return version if isinstance(version, int) else -1
