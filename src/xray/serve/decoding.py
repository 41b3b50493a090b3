"""From uploaded files to grey images, with one error that names every file that cannot be used."""

import asyncio
from collections.abc import Sequence
from typing import Final

from fastapi import UploadFile

from xray.predictor.manifest import Manifest
from xray.serve.answers import BadFile
from xray.serve.errors import ApiError, BadFileError
from xray.serve.settings import MEGABYTE, Settings
from xray.serve.workers import Decoded, Job, WorkerPool
from xray.utils.hardware import usable_cores

JPEG, PNG, DICOM = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"DICM"
DICOM_PREAMBLE: Final = 128


def check_format(data: bytes) -> None:
    """Check by its first bytes that a file may be JPEG, PNG or DICOM, whatever its name.

    Raises:
        BadFileError: It is empty or of another format.
    """
    if not data:
        raise BadFileError(422, "empty", "it is empty")
    if not (data.startswith((JPEG, PNG)) or data[DICOM_PREAMBLE : DICOM_PREAMBLE + len(DICOM)] == DICOM):
        raise BadFileError(415, "unsupported_kind", "neither JPEG, PNG nor DICOM")


class Decoder:
    """Decodes uploads in one worker process per usable core.

    Args:
        manifest: Manifest of the model that the images are for.
        settings: Limits.
    """

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self._manifest = manifest
        self._settings = settings
        self._pool = WorkerPool(usable_cores())

    async def decode(self, uploads: Sequence[UploadFile], preview_side: int = 0) -> list[Decoded]:
        """Decode all files of a request.

        Raises:
            ApiError: At least one of them cannot be used; names every such file.
        """
        results = await asyncio.gather(*(self._one(upload, preview_side) for upload in uploads), return_exceptions=True)
        bad = {i: result for i, result in enumerate(results) if isinstance(result, BadFileError)}
        if bad:
            raise _bad_files({i: (uploads[i].filename, error) for i, error in bad.items()})
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, Decoded)]

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    async def _one(self, upload: UploadFile, preview_side: int) -> Decoded:
        if (upload.size or 0) > self._settings.file_bytes:
            raise BadFileError(413, "too_large", f"larger than {self._settings.file_bytes / MEGABYTE:g} MB")
        data = await upload.read()
        check_format(data)
        manifest = self._manifest
        job = Job(data, manifest.image_size, manifest.resize, self._settings.pixels, preview_side)
        return await self._pool.decode(job)


def _bad_files(bad: dict[int, tuple[str | None, BadFileError]]) -> ApiError:
    """Return the error of a request with files that cannot be used: nothing in it is predicted.

    Args:
        bad: Name and fault of each such file, by its position in the request.
    """
    files = tuple(
        BadFile(index=index, file=name or None, code=error.code, reason=str(error))
        for index, (name, error) in bad.items()
    )
    first = next(iter(bad.values()))[1]
    what = f"A file cannot be used: {first}." if len(bad) == 1 else f"{len(bad)} files cannot be used."
    return ApiError(first.status, f"{what} Nothing was predicted.", first.code, files)
