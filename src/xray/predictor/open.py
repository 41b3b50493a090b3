"""Which kind of model a file holds."""

from pathlib import Path
from typing import TYPE_CHECKING

from xray.runs.model_file import kind_of
from xray.utils.errors import UserError

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
    kind = kind_of(path)
    if kind == "onnx":
        from xray.predictor.exported import OnnxPredictor

        return OnnxPredictor(path, threads)
    try:
        import torch  # noqa: F401 - whether it is there
    except ModuleNotFoundError:
        raise UserError(
            f"{path} needs torch, which is not installed here: export the model with 'python -m xray export --format "
            "onnx' where it is, or install torch."
        ) from None
    if kind == "torch":
        from xray.predictor.program import ProgramPredictor

        return ProgramPredictor(path)
    from xray.predictor.trained import CheckpointPredictor
    from xray.runs.checkpoint import read_checkpoint

    return CheckpointPredictor(read_checkpoint(path))
