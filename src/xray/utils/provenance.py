"""Which code a result comes from."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xray import __version__


def code_version() -> dict[str, Any]:
    """Versions of this program and of what its figures depend on, and the commit where it runs from a checkout.

    Returns:
        Plain values; `commit` and `changed` (whether files differ from it) are None where there is no checkout.
    """
    commit = _git("rev-parse", "HEAD")
    return {
        "xray": __version__,
        "commit": commit,
        "changed": bool(_git("status", "--porcelain", "--", "src", "configs")) if commit else None,
        "python": platform.python_version(),
        "torch": version("torch"),
        "lightning": version("lightning"),
    }


def _git(*words: str) -> str | None:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
