"""Check a folder of images before training: leakage, duplicates, shortcuts.

In Python `from xray import audit` gives this package, which can be called: importing any of its modules binds its name
in `xray`, so a function of the same name would come and go.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from xray.data.index.base import CLASS_NAMES
from xray.data.index.patients import KERMANY_PATTERN

if TYPE_CHECKING:
    from xray.audit.finding import Finding


def find_problems(
    directory: str | Path,
    patient_pattern: str = KERMANY_PATTERN,
    class_names: tuple[str, str] = CLASS_NAMES,
    cache_dir: str | Path | None = None,
) -> list["Finding"]:
    """Return what is wrong with a folder of images, the most severe first; nothing is written into it.

    Args:
        directory: Folder with train, val and test, or any of them, or the class folders themselves.
        patient_pattern: Regular expression searched in the path below the class folder; its group `patient` is the
            patient.
        class_names: Names of the class folders, the positive class last.
        cache_dir: Folder to keep decoded images in, such as data/.cache, which fit uses too.

    Raises:
        UserError: There is no image.
    """
    from xray.audit.command import check_images

    cache = None if cache_dir is None else Path(cache_dir)
    return check_images(Path(directory), patient_pattern, class_names, cache)[1]


class _CallablePackage(ModuleType):
    __call__ = staticmethod(find_problems)


sys.modules[__name__].__class__ = _CallablePackage
