"""What a config says about where its runs are kept (no torch import)."""

from dataclasses import dataclass
from pathlib import Path

LOGS = Path("logs")
CHECKPOINTS = Path("checkpoints")


@dataclass(frozen=True)
class RunSettings:
    """Name of an experiment, and the folders of its runs.

    Args:
        name: Name of the experiment; by default that of the last --config file, without .yaml.
        root: Folder of all runs: config, logs and results are in `<root>/<name>/version_N/`.
        checkpoints: Folder of all checkpoints: best.ckpt and last.ckpt are in `<checkpoints>/<name>/version_N/`.
    """

    name: str | None = None
    root: Path = LOGS
    checkpoints: Path = CHECKPOINTS
