"""What lies in a file that is named as a model, told from its bytes; nothing of torch here."""

import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Literal

from xray.utils.errors import UserError

Kind = Literal["checkpoint", "torch", "onnx"]

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}
"""Of exported files, by format."""

PROGRAM_MANIFEST = "xray.json"
"""Name of the manifest in a file of torch.export."""

NAME_ANOTHER = "name a checkpoint of 'python -m xray fit' or a file of 'python -m xray export'."


def kind_of(path: Path) -> Kind:
    """Which kind of model a file holds, as far as can be told without loading it.

    Archives are read in full, since torch does not look at their checksums: a damaged weight would only give other
    numbers. That takes a millisecond for each MB.

    Args:
        path: The file, whatever it is called.

    Returns:
        checkpoint: an archive as torch.save writes it; torch: one of torch.export with a manifest of ours; onnx: no
        archive, so that nothing else is left, which ONNX Runtime has to try.

    Raises:
        UserError: It is missing, cannot be read, is truncated or damaged, or something else.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UserError(f"{path} is a folder: {NAME_ANOTHER}")
        if not stat.S_ISREG(mode):
            raise UserError(f"{path} is no ordinary file: {NAME_ANOTHER}")
        with path.open("rb") as file:
            start = file.read(64)
        if zipfile.is_zipfile(path):
            return _kind_of_archive(path)
    except FileNotFoundError:
        raise UserError(f"The model {path} does not exist: {NAME_ANOTHER}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): mend that, or {NAME_ANOTHER}") from error
    if not start:
        raise UserError(f"{path} is empty: copy it anew, or {NAME_ANOTHER}")
    if start.startswith(b"version https://git-lfs"):
        raise UserError(f"{path} is only the pointer that Git LFS keeps in its place: fetch it with 'git lfs pull'.")
    if start.startswith(b"PK\x03\x04"):
        raise UserError(f"{path} is truncated: copy it anew, or {NAME_ANOTHER}")
    return "onnx"


def no_model(path: Path) -> UserError:
    """What to say of a file that holds nothing of ours."""
    return UserError(f"{path} holds no model of xray (it is something else, or cut off): {NAME_ANOTHER}")


def _kind_of_archive(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            # torch neither compresses nor encrypts, so that nothing here takes more than the file's size.
            if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in archive.infolist()):
                raise no_model(path)
            members = {PurePosixPath(name).parts[1:] for name in archive.namelist()}
            if ("extra", PROGRAM_MANIFEST) in members:
                kind: Kind = "torch"
            elif ("data.pkl",) in members and ("constants.pkl",) not in members:  # TorchScript has both
                kind = "checkpoint"
            else:
                raise no_model(path)
            damaged = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise UserError(f"{path} is damaged ({error}): copy it anew, or {NAME_ANOTHER}") from error
    if damaged is not None:
        raise UserError(f"{path} is damaged (the checksum of {damaged!r} is wrong): copy it anew, or {NAME_ANOTHER}")
    return kind
