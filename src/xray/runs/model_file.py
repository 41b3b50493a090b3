"""Detect a model file's format from its magic bytes (no torch import)."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Literal

from xray.utils.errors import UserError

ModelFormat = Literal["checkpoint", "torch", "onnx"]

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
"""Suffixes of exported files."""

PROGRAM_MANIFEST = "xray.json"
"""Name of the manifest in a torch.export file."""

USE_ANOTHER = "use a checkpoint of 'python -m xray fit' or a file of 'python -m xray export'."


def detect_format(path: Path) -> ModelFormat:
    """Detect the format of a model file without loading it.

    Archives are read in full to verify their checksums, which torch ignores: a damaged weight would silently change
    predictions. That takes about a millisecond per MB.

    Args:
        path: The file; its name does not matter.

    Returns:
        "checkpoint" for an archive of torch.save, "torch" for a torch.export archive with a manifest of xray, "onnx"
        for any file that is not an archive (ONNX Runtime then checks it).

    Raises:
        UserError: The file is missing, unreadable, truncated, damaged or of another type.
    """
    try:
        if not path.is_file():
            problem = "is not a file" if path.exists() else "does not exist"
            raise UserError(f"The model {path} {problem}: {USE_ANOTHER}")
        with path.open("rb") as file:
            start = file.read(64)
        if zipfile.is_zipfile(path):
            return _detect_archive_format(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): fix that, or {USE_ANOTHER}") from error
    if not start:
        raise UserError(f"{path} is empty: copy it again, or {USE_ANOTHER}")
    if start.startswith(b"version https://git-lfs"):
        raise UserError(f"{path} is a Git LFS pointer, not the file: fetch it with 'git lfs pull'.")
    if start.startswith(b"PK\x03\x04"):
        raise UserError(f"{path} is truncated: copy it again, or {USE_ANOTHER}")
    return "onnx"


def not_a_model_error(path: Path) -> UserError:
    """Return the error for a file that is not a model of xray."""
    return UserError(f"{path} is not a model of xray, or is truncated: {USE_ANOTHER}")


def _detect_archive_format(path: Path) -> ModelFormat:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {PurePosixPath(name).parts[1:] for name in archive.namelist()}
            if ("extra", PROGRAM_MANIFEST) in members:
                format: ModelFormat = "torch"
            elif ("data.pkl",) in members and ("constants.pkl",) not in members:  # TorchScript has both
                format = "checkpoint"
            else:
                raise not_a_model_error(path)
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError) as error:
        raise UserError(f"{path} is damaged ({error}): copy it again, or {USE_ANOTHER}") from error
    if damaged is not None:
        raise UserError(f"{path} is damaged (the checksum of {damaged!r} is wrong): copy it again, or {USE_ANOTHER}")
    return format
