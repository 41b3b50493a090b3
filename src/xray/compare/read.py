"""From the names of runs to what lies in the folders of their tests."""

from collections.abc import Sequence
from pathlib import Path

from xray.compare.images import Candidate
from xray.evaluation.scored_set import ScoredSet, read_scored_set
from xray.utils.errors import UserError
from xray.utils.text import printable


def read_runs(names: Sequence[str]) -> list[Candidate]:
    """Read the tests of runs.

    Args:
        names: Runs such as `cnn/version_0`, experiments, or folders with predictions.csv and source.json.

    Raises:
        UserError: There are fewer than two, one is named twice, or one has no test that can be read.
    """
    from xray.report.scored_sets import find_scored_set

    if len(names) < 2:
        only = f" besides {printable(names[0])}" if names else ""
        raise UserError(
            f"compare needs at least two runs: name another{only}, such as 'python -m xray compare cnn/version_0 "
            "timm/version_0'.",
            2,
        )
    named: dict[Path, str] = {}
    folders = [find_scored_set(name) for name in names]
    for name, folder in zip(names, folders, strict=True):
        place = folder.resolve()
        if place in named:
            same = "named twice" if named[place] == name else f"the same run as {printable(named[place])}"
            raise UserError(f"{printable(name)} is {same} ({printable(str(folder))}): name each run once.", 2)
        named[place] = name
    scored_set = [read_scored_set(folder) for folder in folders]
    return [Candidate(*row) for row in zip(_shown(names, folders, scored_set), folders, scored_set, strict=True)]


def _shown(names: Sequence[str], folders: Sequence[Path], scored_set: Sequence[ScoredSet]) -> list[str]:
    """Names for people: experiment and version where the folder is that run's own test, otherwise as was given."""
    own = [
        run if run and folder.absolute().parts[-3:] == (*Path(run).parts, "test") else name
        for name, folder, found in zip(names, folders, scored_set, strict=True)
        for run in [found.source.get("run")]
    ]
    # Two folders of logs may each hold a cnn/version_0.
    return [printable(own[i] if own.count(own[i]) == 1 else name) for i, name in enumerate(names)]
