"""Version of the code that produced a result."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xray import __version__


def code_version() -> dict[str, Any]:
    """Return the versions of xray, Python, torch and Lightning, and the commit of a git checkout.

    Returns:
        Plain values; `commit` and `changed` (whether files differ from it) are None outside a checkout.
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


def _git(*args: str) -> str | None:
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return None
    try:
        result = subprocess.run(["git", "-C", root, *args], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
