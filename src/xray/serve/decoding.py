"""From files as sent to grey films, and what is told of those that are none."""

import asyncio
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from xray.data.film import GreyFilm, read_film, resize_film
from xray.data.unreadable import TooManyPixelsError, UnreadableFilmError
from xray.predictor.manifest import Manifest
from xray.processor import usable_cores
from xray.serve.answers import BadFile
from xray.serve.errors import ApiError
from xray.serve.uploads import Upload

JPEG, PNG, DICOM = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"DICM"
DICOM_PREAMBLE = 128


class BadFileError(Exception):
    """A file that is no film; the message says why.

    Args:
        status: HTTP status of a request that holds it.
        code: A word for programs.
        reason: For people.
    """

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code


def check_kind(data: bytes | bytearray) -> None:
    """Tell by their first bytes whether they may be JPEG, PNG or DICOM, whatever the file is called.

    Raises:
        BadFileError: They are empty, or of another kind.
    """
    if not data:
        raise BadFileError(422, "empty", "it is empty")
    if not (data.startswith((JPEG, PNG)) or data[DICOM_PREAMBLE : DICOM_PREAMBLE + len(DICOM)] == DICOM):
        raise BadFileError(415, "unsupported_kind", "neither JPEG, PNG nor DICOM")


def decode(data: bytes | bytearray, least_side: int, pixels: int) -> GreyFilm:
    """Decode one file.

    Args:
        data: All of it.
        least_side: See `xray.data.film.read_film`.
        pixels: Most pixels.

    Raises:
        BadFileError: It is no film, see `check_kind` and `read_film`, or has too many pixels.
    """
    check_kind(data)
    try:
        return read_film(io.BytesIO(data), least_side, pixels)
    except TooManyPixelsError as error:
        raise BadFileError(413, "too_many_pixels", str(error)) from error
    except UnreadableFilmError as error:
        raise BadFileError(422, "unreadable", str(error)) from error


def decode_for(manifest: Manifest, data: bytes | bytearray, pixels: int) -> GreyFilm:
    """Decode one file to the film that a model sees: the path of training, see `xray.data.film.load_film`.

    Raises:
        BadFileError: See `decode`.
    """
    film = decode(data, manifest.image_size, pixels)
    return resize_film(film, manifest.image_size, manifest.resize)


class Decoder:
    """Decodes in threads, one for each usable core.

    Args:
        work: From the bytes of one file to a film.
    """

    def __init__(self, work: Callable[[bytearray], GreyFilm]) -> None:
        self._work = work
        self._threads = ThreadPoolExecutor(usable_cores(), "decode")

    async def films(self, uploads: Sequence[Upload]) -> list[GreyFilm]:
        """Decode all files of a request.

        Raises:
            ApiError: At least one of them is no film; names every such file.
        """
        loop = asyncio.get_running_loop()
        tasks = [loop.run_in_executor(self._threads, self._work, upload.data) for upload in uploads]
        films = await asyncio.gather(*tasks, return_exceptions=True)
        bad = {index: film for index, film in enumerate(films) if isinstance(film, BadFileError)}
        if bad:
            raise blame({index: (uploads[index].name, error) for index, error in bad.items()})
        return [_film(film) for film in films]

    def close(self) -> None:
        """Let the threads end; what they are at is finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def blame(bad: dict[int, tuple[str | None, BadFileError]]) -> ApiError:
    """The error of a request with files that are no films: nothing in it is predicted.

    Args:
        bad: Name and fault of each such file, by its place in the request.
    """
    files = tuple(
        BadFile(index=index, file=name, code=error.code, reason=str(error)) for index, (name, error) in bad.items()
    )
    first = next(iter(bad.values()))[1]
    what = f"A file cannot be used: {first}." if len(bad) == 1 else f"{len(bad)} files cannot be used."
    return ApiError(first.status, f"{what} Nothing was predicted.", first.code, files)


def _film(outcome: GreyFilm | BaseException) -> GreyFilm:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
