"""From files as sent to grey images, and what is told of those that are none."""

import asyncio
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from xray.data.decode.errors import TooManyPixelsError, UnreadableImageError
from xray.data.decode.image import GreyImage, read_image, resize_image
from xray.predictor.manifest import Manifest
from xray.serve.answers import BadFile
from xray.serve.errors import ApiError
from xray.serve.uploads import Upload
from xray.utils.hardware import usable_cores

JPEG, PNG, DICOM = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"DICM"
DICOM_PREAMBLE = 128
TOO_MANY_PIXELS = "too_many_pixels"
MANY_PIXELS = 16_000_000
"""More than images have. Pictures with more are decoded one after the other, since each pixel takes up to 13 bytes: so
the memory of all threads together is bounded."""


class BadFileError(Exception):
    """A file that is no image; the message says why.

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


def decode(data: bytes | bytearray, least_side: int, pixels: int) -> GreyImage:
    """Decode one file.

    Args:
        data: All of it.
        least_side: See `xray.data.decode.image.read_image`.
        pixels: Most pixels.

    Raises:
        BadFileError: It is no image, see `check_kind` and `read_image`, or has too many pixels.
    """
    check_kind(data)
    try:
        return read_image(io.BytesIO(data), least_side, pixels)
    except TooManyPixelsError as error:
        raise BadFileError(413, TOO_MANY_PIXELS, str(error)) from error
    except UnreadableImageError as error:
        raise BadFileError(422, "unreadable", str(error)) from error


def decode_for(manifest: Manifest, data: bytes | bytearray, pixels: int) -> GreyImage:
    """Decode one file to the image that a model sees: the path of training, see `xray.data.decode.image.load_image`.

    Raises:
        BadFileError: See `decode`.
    """
    image = decode(data, manifest.image_size, pixels)
    return resize_image(image, manifest.image_size, manifest.resize)


class Decoder:
    """Decodes in threads, one for each usable core, and one more for large pictures.

    Args:
        manifest: Of the model that the images are for.
        pixels: Most pixels of one picture.
    """

    def __init__(self, manifest: Manifest, pixels: int) -> None:
        self._manifest = manifest
        self._pixels = pixels
        self._threads = ThreadPoolExecutor(usable_cores(), "decode")
        self._large = ThreadPoolExecutor(1, "decode-large")

    async def images(self, uploads: Sequence[Upload]) -> list[GreyImage]:
        """Decode all files of a request.

        Raises:
            ApiError: At least one of them is no image; names every such file.
        """
        images = await asyncio.gather(*(self._image(upload.data) for upload in uploads), return_exceptions=True)
        bad = {index: image for index, image in enumerate(images) if isinstance(image, BadFileError)}
        if bad:
            raise blame({index: (uploads[index].name, error) for index, error in bad.items()})
        return [_image_of(image) for image in images]

    def close(self) -> None:
        """Let the threads end; what they are at is finished."""
        for threads in (self._threads, self._large):
            threads.shutdown(wait=False, cancel_futures=True)

    async def _image(self, data: bytearray) -> GreyImage:
        loop, few = asyncio.get_running_loop(), min(self._pixels, MANY_PIXELS)
        try:
            return await loop.run_in_executor(self._threads, decode_for, self._manifest, data, few)
        except BadFileError as error:
            if error.code != TOO_MANY_PIXELS or few == self._pixels:
                raise
        return await loop.run_in_executor(self._large, decode_for, self._manifest, data, self._pixels)


def blame(bad: dict[int, tuple[str | None, BadFileError]]) -> ApiError:
    """The error of a request with files that are no images: nothing in it is predicted.

    Args:
        bad: Name and fault of each such file, by its place in the request.
    """
    files = tuple(
        BadFile(index=index, file=name, code=error.code, reason=str(error)) for index, (name, error) in bad.items()
    )
    first = next(iter(bad.values()))[1]
    what = f"A file cannot be used: {first}." if len(bad) == 1 else f"{len(bad)} files cannot be used."
    return ApiError(first.status, f"{what} Nothing was predicted.", first.code, files)


def _image_of(outcome: GreyImage | BaseException) -> GreyImage:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
