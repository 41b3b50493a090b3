"""Sentences on the files and folders of a data set that are not read."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xray.data.index.split_folders import FOLDER_NAMES
from xray.data.index.walk import count_images_by_name, describe_left_out, is_clutter
from xray.utils.text import count


def notes_on_left_out(root: Path, left_out: Mapping[str, Counter[str]], class_names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence on the files in the class folders, and one on each other place with images.

    Args:
        root: The folder of the data set.
        left_out: The kinds of files passed over in the class folders of each folder that was read, by its name.
        class_names: Names of the class folders.
    """
    if total := sum(left_out.values(), Counter[str]()):
        places = ", ".join(str(root / folder) for folder, kinds in left_out.items() if kinds)
        yield f"Left out {describe_left_out(total)} (in {places})."
    for folder in dict.fromkeys([".", *left_out]):
        if number := count_images_by_name(root / folder):
            expected = ", ".join(class_names)
            yield f"Left out {count(number, 'image')} in {root / folder}, outside the class folders {expected}."
    for path in sorted(root.iterdir()):
        other = path.name.lower() not in FOLDER_NAMES and path.name not in class_names and not is_clutter(path.name)
        if other and path.is_dir() and (number := count_images_by_name(path, class_names)):
            yield f"Left out the folder {path} ({count(number, 'image')}): it is none of train, val and test."
