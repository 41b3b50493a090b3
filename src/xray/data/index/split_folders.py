"""Names of the folders of a data set's splits: `valid` or `validation` for val, and so on."""

from pathlib import Path
from typing import Final

from xray.utils.errors import UserError

SPLITS: Final = ("train", "val", "test")
FOLDER_NAMES: Final = {
    **{"train": "train", "training": "train"},
    **{"val": "val", "valid": "val", "validation": "val", "dev": "val"},
    **{"test": "test", "testing": "test"},
}
"""The split of each accepted folder name, in lower case."""


def split_folders(root: Path) -> dict[str, str]:
    """Return the folder of each split that a root has, such as {"train": "Training", "val": "valid"}.

    Raises:
        UserError: Two folders have names of the same split.
    """
    names = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    folders: dict[str, str] = {}
    for name in names:
        split = FOLDER_NAMES.get(name.lower())
        if split is None:
            continue
        if split in folders:
            raise UserError(
                f"{root} holds {folders[split]} and {name}, both of them names of the {split} folder: rename or move "
                "one of them."
            )
        folders[split] = name
    return {split: folders[split] for split in SPLITS if split in folders}


def split_folder(root: Path, split: str) -> str:
    """Return the folder of a split; if the root has none, the split's own name."""
    return split_folders(root).get(split, split)
