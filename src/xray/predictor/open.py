"""Which kind of model a file holds."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from xray.errors import UserError

if TYPE_CHECKING:
    from xray.predictor.base import Predictor


def open_predictor(path: Path, threads: int | None = None) -> "Predictor":
    """Open a checkpoint or an exported file, whatever it is called.

    Args:
        path: The file.
        threads: Threads of one computation by ONNX Runtime; by default one for each usable core.

    Raises:
        UserError: It is missing, damaged or something else; or it needs torch, which is not installed.
    """
    if not path.is_file():
        raise UserError(
            f"The model {path} does not exist: name a checkpoint of 'python -m xray fit' or a file of 'python -m xray "
            "export'."
        )
    if not zipfile.is_zipfile(path):
        from xray.predictor.exported import OnnxPredictor

        return OnnxPredictor(path, threads)
    try:
        import torch  # noqa: F401 - whether it is there
    except ModuleNotFoundError:
        raise UserError(
            f"{path} needs torch, which is not installed here: export the model with 'python -m xray export --format "
            "onnx' where it is, or install torch."
        ) from None
    with zipfile.ZipFile(path) as archive:
        exported = any(name.endswith("/archive_format") for name in archive.namelist())
    if exported:
        from xray.predictor.program import ProgramPredictor

        return ProgramPredictor(path)
    from xray.checkpoint import read_checkpoint
    from xray.predictor.trained import CheckpointPredictor

    return CheckpointPredictor(read_checkpoint(path))
