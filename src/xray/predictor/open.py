"""Open a model file with the predictor for its format."""

from pathlib import Path
from typing import TYPE_CHECKING

from xray.runs.model_file import detect_format
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.predictor.base import Predictor


def open_predictor(path: Path, threads: int | None = None) -> "Predictor":
    """Open a checkpoint or an exported file; its format is detected from the content.

    Args:
        path: The file.
        threads: Threads per computation in ONNX Runtime; by default one per usable core.

    Raises:
        UserError: The file is missing, damaged or not a model; or it needs torch, which is not installed.
    """
    format = detect_format(path)
    if format == "onnx":
        from xray.predictor.onnx_file import OnnxPredictor

        return OnnxPredictor(path, threads)
    try:
        import torch  # noqa: F401 - checks that it is installed
    except ModuleNotFoundError:
        raise UserError(
            f"{path} needs torch, which is not installed here: install it, or export the model with 'python -m xray "
            "export --format onnx' where torch is installed."
        ) from None
    if format == "torch":
        from xray.predictor.torch_program import ProgramPredictor

        return ProgramPredictor(path)
    from xray.predictor.checkpoint import CheckpointPredictor
    from xray.runs.checkpoint import read_checkpoint

    return CheckpointPredictor(read_checkpoint(path))
