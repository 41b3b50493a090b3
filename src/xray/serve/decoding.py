"""From uploaded files to grey images, with one error that names every file that cannot be used."""

import asyncio
from collections.abc import Sequence

from fastapi import UploadFile

from xray.predictor.manifest import Manifest
from xray.serve.errors import ApiError, FileFault
from xray.serve.responses import BadFile
from xray.serve.settings import MEGABYTE, Settings
from xray.serve.workers import Decoded, Job, WorkerPool
from xray.utils.hardware import usable_cores


class Decoder:
    """Decodes uploads for a model, in one worker process per usable core."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self._manifest = manifest
        self._settings = settings
        self._pool = WorkerPool(usable_cores())

    async def decode(self, uploads: Sequence[UploadFile], preview_side: int = 0) -> list[Decoded]:
        """Decode all files of a request.

        Raises:
            ApiError: At least one of them cannot be used; names every such file.
        """
        results = await asyncio.gather(*(self._one(upload, preview_side) for upload in uploads))
        if bad := {index: result for index, result in enumerate(results) if isinstance(result, FileFault)}:
            raise _bad_files_error(uploads, bad)
        return [result for result in results if isinstance(result, Decoded)]

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    async def _one(self, upload: UploadFile, preview_side: int) -> Decoded | FileFault:
        if (upload.size or 0) > self._settings.file_bytes:
            return FileFault(413, "too_large", f"larger than {self._settings.file_bytes / MEGABYTE:g} MB")
        manifest = self._manifest
        job = Job(await upload.read(), manifest.image_size, manifest.resize, self._settings.pixels, preview_side)
        return await self._pool.decode(job)


def _bad_files_error(uploads: Sequence[UploadFile], bad: dict[int, FileFault]) -> ApiError:
    """Return the error of a request with files that cannot be used, given by position: nothing in it is predicted."""
    files = tuple(
        BadFile(index=index, file=uploads[index].filename or None, code=fault.code, reason=fault.reason)
        for index, fault in bad.items()
    )
    first = next(iter(bad.values()))
    what = f"A file cannot be used: {first.reason}." if len(bad) == 1 else f"{len(bad)} files cannot be used."
    return ApiError(first.status, f"{what} Nothing was predicted.", first.code, files)
