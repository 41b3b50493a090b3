"""Where a run lives.

Its record is in `logs/<experiment>/version_N/`, its checkpoints in `checkpoints/<experiment>/version_N/`; `logs` and
`checkpoints` stand side by side. No torch here: finding a run must be quick.
"""

import glob
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xray.utils.errors import UserError

LOGS = Path("logs")
CHECKPOINTS = Path("checkpoints")


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        logs: The folder of its record.
        checkpoints: The folder of its checkpoints.
    """

    logs: Path
    checkpoints: Path

    @property
    def name(self) -> str:
        """Experiment and version: `cnn/version_3`."""
        return f"{self.logs.parent.name}/{self.logs.name}"

    @property
    def version(self) -> int | str:
        """The number N of version_N, or a name that the user chose."""
        number = self.logs.name.removeprefix("version_")
        return int(number) if number.isdecimal() and number != self.logs.name else self.logs.name

    @property
    def config(self) -> Path:
        """The config that repeats it."""
        return self.logs / "config.yaml"

    @property
    def best(self) -> Path:
        """The checkpoint of the best validation epoch."""
        return self.checkpoints / "best.ckpt"

    @property
    def last(self) -> Path:
        """The checkpoint of the last epoch, to go on from."""
        return self.checkpoints / "last.ckpt"


def claim_run(logs: Path, checkpoints: Path, experiment: str, version: int | str | None = None) -> Run:
    """Make the folder of a new run; two processes never get the same one.

    Args:
        logs: Folder of all records.
        checkpoints: Folder of all checkpoints.
        experiment: Name of the experiment.
        version: A version that the user insists on; by default the next free one.

    Raises:
        UserError: The version exists, or the folder cannot be written.
    """
    for part in (experiment, str(version)):
        if part in {"", ".", ".."} or Path(part).name != part:
            raise UserError(f"trainer.logger: {part!r} is no name of a folder; its name and version take no slashes.")
    if version is not None:
        name = version if isinstance(version, str) else f"version_{version}"
        run = Run(logs / experiment / name, checkpoints / experiment / name)
        if run.checkpoints.exists() or not _make_folder(run.logs):
            raise UserError(
                f"The run {run.name} exists and is never overwritten: leave trainer.logger.version out for the next "
                "free one, or name another."
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
    """Take back the folders of a run in which nothing was written."""
    for folder in (run.logs, run.logs.parent, run.checkpoints, run.checkpoints.parent):
        # A folder that holds something, or that another process has just taken back, stays as it is.
        with suppress(OSError):
            folder.rmdir()


def newest_run(logs: Path = LOGS, checkpoints: Path = CHECKPOINTS, experiment: str | None = None) -> Run:
    """Find the run that was begun last among those with a best checkpoint.

    Raises:
        UserError: There is none.
    """
    pattern = f"{glob.escape(experiment) if experiment else '*'}/*/config.yaml"
    candidates = [Run(config.parent, checkpoints / config.parent.relative_to(logs)) for config in logs.glob(pattern)]
    finished = [run for run in candidates if run.best.is_file()]
    if not finished:
        where = f"of the experiment {experiment} " if experiment else ""
        raise UserError(
            f"No run {where}with a checkpoint in {logs}/ and {checkpoints}/: train one with 'python -m xray fit "
            "--config configs/cnn.yaml', or name a checkpoint with --ckpt_path FILE."
        )
    return max(finished, key=lambda run: (run.config.stat().st_mtime_ns, _version_number(run.logs)))


def find_model(named: str = "") -> Path:
    """The file that a model is in.

    Args:
        named: A run such as `cnn/version_0`, an experiment (its newest run), the folder of either's records or
            checkpoints, wherever it lies, or a file; by default the newest run.

    Returns:
        The best checkpoint of the run, or the file, which may be of any kind.

    Raises:
        UserError: There is no such run or file, or it cannot be looked at.
    """
    if not named:
        return newest_run().best
    path = Path(named)
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_folder = False
        what = f"There is no run with a checkpoint, and no file, called {named!r}"
    except OSError as error:
        raise UserError(f"{named} cannot be looked at ({error.strerror}): mend that, or name another model.") from error
    else:
        if not is_folder:
            return path
        what = f"{named} is a folder without a best.ckpt, and of no run or experiment that has one"
    places = [path] if is_folder else []
    if ".." not in path.parts:  # a name of a run
        places.append(LOGS / path)
    for found in map(_best_below, places):
        if found:
            return found
    raise UserError(f"{what}: name a run such as cnn/version_0, an experiment, a checkpoint or an exported file.")


def _best_below(folder: Path) -> Path | None:
    """The best checkpoint in a folder; or that of the run, or of the experiment's newest run, whose folder it is."""
    if (folder / "best.ckpt").is_file():
        return folder / "best.ckpt"
    run = run_of_config(folder / "config.yaml")
    if run and run.best.is_file():
        return run.best
    root, experiment = _plain(folder).parent, _plain(folder).name
    if root.name in {LOGS.name, CHECKPOINTS.name}:
        logs, checkpoints = (_short(root.with_name(beside.name)) for beside in (LOGS, CHECKPOINTS))
        with suppress(UserError):
            return newest_run(logs, checkpoints, experiment).best
    return None


def run_of_checkpoint(checkpoint: Path) -> Run | None:
    """The run that a checkpoint belongs to by its place; None for a file that was moved elsewhere."""
    folder = _plain(checkpoint).parent
    root = folder.parent.parent
    logs = root.parent / LOGS / folder.relative_to(root)
    if root.name != CHECKPOINTS.name or not (logs / "config.yaml").is_file():
        return None
    return Run(_short(logs), _short(folder))


def run_of_config(config: Path) -> Run | None:
    """The run whose saved config this is; None for any other config."""
    folder = _plain(config).parent
    root = folder.parent.parent
    if config.name != "config.yaml" or root.name != LOGS.name:
        return None
    return Run(_short(folder), _short(root.parent / CHECKPOINTS / folder.relative_to(root)))


def _plain(path: Path) -> Path:
    """The path without `..`, but with its links: checkpoints may be a link to another disk."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


def _short(path: Path) -> Path:
    """The path from here where it lies below, as people wrote it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _make_folder(folder: Path) -> bool:
    """Make a folder; False if it is there already."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if folder.is_dir():
            return False
        raise UserError(f"{folder} cannot be made: a file is in the way. Move it.") from None
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}): mend its permissions, or name another folder in the "
            "config (save_dir of trainer.logger, root of RunCheckpoint)."
        ) from None
    return True


def _version_number(folder: Path) -> int:
    version = Run(folder, folder).version
    return version if isinstance(version, int) else -1
