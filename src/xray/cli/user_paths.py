"""Expand a leading `~` in paths that no shell has expanded, such as those of YAML files."""

from pathlib import Path

from jsonargparse.typing import register_type

from xray.utils.files import user_path


def expand_home_in_paths() -> None:
    """Let jsonargparse expand `~` in each value whose type is Path, on the command line and in YAML files."""
    register_type(Path, str, user_path, type_check=isinstance)
