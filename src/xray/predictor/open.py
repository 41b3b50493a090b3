"""Open a model file with the predictor for its format."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from xray.runs.model_file import detect_format
from xray.runs.run import run_of_checkpoint
from xray.utils.errors import UserError

if TYPE_CHECKING:
    from xray.predictor.base import Predictor


def open_predictor(path: Path, threads: int | None = None, allow_undecided: bool = False) -> "Predictor":
    """Open a checkpoint or an exported file; its format is detected from the content.

    Args:
        path: The file.
        threads: Threads per computation in ONNX Runtime; by default one per usable core.
        allow_undecided: Whether to open a model whose scaling, threshold and OOD limits were never fitted.

    Raises:
        UserError: The file is missing, damaged, undecided or not a model; or it needs torch, which is not installed.
    """
    predictor = _open(path, threads)
    if not allow_undecided:
        require_decision(predictor)
    return predictor


def require_decision(predictor: "Predictor") -> None:
    """Reject a model of a fit that was interrupted before its decision, or of an epoch that is not the best.

    Raises:
        UserError: The model is undecided; the message names the command that mends it.
    """
    path = predictor.path
    if predictor.manifest.decision is not None:
        return
    command = f"'python -m xray calibrate --ckpt_path {shlex.quote(str(path))}'"
    mend = f"fit them with {command}"
    if predictor.manifest.format != "checkpoint":
        mend = "calibrate its checkpoint with 'python -m xray calibrate', and export it again"
    elif (run := run_of_checkpoint(path)) and run.best.is_file() and run.best.absolute() != path.absolute():
        mend = f"use {run.best}, the best epoch, or {mend}"
    raise UserError(
        f"{path} is undecided, since scaling, threshold and OOD limits were never fitted to it: {mend}; "
        "--allow_undecided true (in Python allow_undecided=True) goes on at threshold 0.5."
    )


def _open(path: Path, threads: int | None) -> "Predictor":
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
