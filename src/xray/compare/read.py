"""Read the test results of the runs to compare."""

from collections.abc import Sequence
from pathlib import Path

from xray.compare.images import LoadedRun
from xray.evaluation.scored_set import SOURCE, ScoredSet, read_scored_set
from xray.utils.errors import UserError
from xray.utils.imports import import_modules
from xray.utils.text import printable


def read_runs(names: Sequence[str]) -> list[LoadedRun]:
    """Read the scored test sets of runs.

    Args:
        names: Runs such as `cnn/version_0`, experiments, or folders with predictions.csv and source.json.

    Raises:
        UserError: There are fewer than two runs, a run is given twice, has no readable test results, or needs a
            module that cannot be imported.
    """
    from xray.report.scored_sets import find_scored_set

    if len(names) < 2:
        only = f" besides {printable(names[0])}" if names else ""
        raise UserError(
            f"compare needs at least two runs: add another{only}, such as 'python -m xray compare cnn/version_0 "
            "timm/version_0'.",
            2,
        )
    named: dict[Path, str] = {}
    folders = [find_scored_set(name) for name in names]
    for name, folder in zip(names, folders, strict=True):
        path = folder.resolve()
        if path in named:
            same = "given twice" if named[path] == name else f"the same run as {printable(named[path])}"
            raise UserError(f"{printable(name)} is {same} ({printable(str(folder))}): give each run once.", 2)
        named[path] = name
    scored_sets = [read_scored_set(folder) for folder in folders]
    for folder, scored_set in zip(folders, scored_sets, strict=True):
        import_modules(scored_set.source.get("imports"), folder / SOURCE)
    display = _display_names(names, folders, scored_sets)
    return [LoadedRun(*row) for row in zip(display, folders, scored_sets, strict=True)]


def _display_names(names: Sequence[str], folders: Sequence[Path], scored_sets: Sequence[ScoredSet]) -> list[str]:
    """Return experiment and version if the folder is that run's own test, otherwise the name given."""
    own = [
        run if run and folder.absolute().parts[-3:] == (*Path(run).parts, "test") else name
        for name, folder, scored_set in zip(names, folders, scored_sets, strict=True)
        for run in [scored_set.source.get("run")]
    ]
    # Two log folders may each contain a cnn/version_0.
    return [printable(own[i] if own.count(own[i]) == 1 else name) for i, name in enumerate(names)]
