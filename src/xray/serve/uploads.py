"""Files of a multipart request, read into memory within limits; nothing ever touches the disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from xray.serve.admission import Hold
from xray.serve.answers import BadFile
from xray.serve.errors import ApiError
from xray.serve.settings import MEGABYTE, Settings
from xray.utils.text import printable, shortened

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MOST_FIELDS = 16
"""Fields that are no files, in one request."""
MOST_FIELD_BYTES = 1000
LONGEST_NAME = 255
MOST_NAME_TOLD = 40
"""Characters of a field's name in an answer."""


@dataclass
class Upload:
    """One file as sent.

    Args:
        name: Its name; None where an empty one was sent.
        data: Its bytes.
    """

    name: str | None
    data: bytearray = field(default_factory=bytearray)


@dataclass
class Form:
    """What a request holds.

    Args:
        files: The files of the field asked for.
        fields: Texts of the other fields, by name.
    """

    files: list[Upload] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


async def read_form(
    stream: AsyncIterator[bytes], content_type: str, file_field: str, settings: Settings, hold: Hold
) -> Form:
    """Read a form while it arrives, and stop as soon as it is too large.

    The sizes that count are those of the bytes received, not what the header Content-Length claims.

    Args:
        stream: The request's body.
        content_type: Header of the request.
        file_field: Name of the field that holds the files.
        settings: Limits.
        hold: Room in memory that the request takes.

    Raises:
        ApiError: 400 no well-formed form, 408 too slow, 413 too large, 415 no form, 422 no file or another field.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise ApiError(415, f"Send the file as multipart/form-data, in the field {file_field!r}.")
    reader = _FormReader(file_field, settings)
    try:
        parser = MultipartParser(options.get(b"boundary", b""), reader.callbacks())
        received = 0
        async with asyncio.timeout(settings.receive_seconds):
            async for chunk in stream:
                received += len(chunk)
                if received > settings.request_bytes:
                    raise ApiError(413, f"The request is larger than {settings.request_bytes / MEGABYTE:g} MB.")
                hold.take(len(chunk))
                if chunk:
                    parser.write(chunk)
    except FormParserError:
        raise ApiError(400, "The body is no well-formed multipart form.") from None
    except TimeoutError:
        raise ApiError(
            408, f"The request did not arrive within {settings.receive_seconds:g} s.", headers={"Connection": "close"}
        ) from None
    if not reader.ended:
        raise ApiError(400, "The multipart form ends too early, or names no boundary.")
    if not reader.form.files:
        raise ApiError(422, f"There is no file in the field {file_field!r}.", "no_file")
    return reader.form


class _FormReader:
    """Puts together what the parser tells piece by piece."""

    def __init__(self, file_field: str, settings: Settings) -> None:
        self.form = Form()
        self.ended = False
        self._file_field = file_field
        self._settings = settings
        self._field_count = 0
        self._begin()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._header_name, self._header, self._disposition = bytearray(), bytearray(), b""
        self._name, self._target, self._most = "", bytearray(), MOST_FIELD_BYTES
        self._file: Upload | None = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header)
        self._header_name, self._header = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise ApiError(400, "A part of the multipart form has no name.")
        self._name = _text(options[b"name"])
        sent = options.get(b"filename")
        if self._name == self._file_field:
            if sent is None:
                told = f"The field {self._name!r} holds a text: send a file in it, with a file name in the part's head."
                raise ApiError(422, told, "wrong_field")
            if len(self.form.files) == self._settings.files:
                raise ApiError(413, f"More than {self._settings.files} files.", "too_many_files")
            self._file = Upload(_text(sent)[:LONGEST_NAME] if sent else None)
            self.form.files.append(self._file)
            self._target, self._most = self._file.data, self._settings.file_bytes
        elif sent is not None:
            name = shortened(printable(self._name), MOST_NAME_TOLD)
            told = f"The field '{name}' takes no file: files belong in the field {self._file_field!r}."
            raise ApiError(422, told, "wrong_field")
        else:
            self._field_count += 1
            if self._field_count > MOST_FIELDS:
                raise ApiError(413, f"More than {MOST_FIELDS} fields.", "too_many_fields")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if len(self._target) + end - start > self._most:
            if self._file is None:
                raise ApiError(413, f"A field is longer than {MOST_FIELD_BYTES} bytes.")
            reason = f"larger than {self._settings.file_bytes / MEGABYTE:g} MB"
            bad = BadFile(index=len(self.form.files) - 1, file=self._file.name, code="too_large", reason=reason)
            raise ApiError(413, f"A file is {reason}.", files=(bad,))
        self._target += data[start:end]

    def _end(self) -> None:
        if self._file is None:
            self.form.fields[self._name] = _text(self._target)

    def _finish(self) -> None:
        self.ended = True


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", errors="replace")
