"""Limits to what a file may hold beside its picture.

Pillow and pydicom look at each part of a file in Python, however small and however useless it is: thirty megabytes of
nothing would take them ten seconds to a minute, and gigabytes.
"""

from typing import IO, Final

from xray.data.decode.errors import UnreadableImageError

SHORT: Final = 1024
"""Bytes of a read that looks for the next part, rather than for its content."""


class EndlessFileError(UnreadableImageError):
    """A file holds more, or longer, parts beside its picture than any image does."""

    def __init__(self) -> None:
        super().__init__("it is made of more parts, or longer ones, than any image")


class BoundedFile:
    """An open file that may be read in so many short steps.

    Args:
        file: At any place.
        most_steps: Reads of less than `SHORT` bytes.
    """

    def __init__(self, file: IO[bytes], most_steps: int) -> None:
        self._file = file
        self._steps_left = most_steps
        self.exhausted = False
        """Whether there was one step too many: whoever reads may have made another error of ours."""
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all.

        Raises:
            EndlessFileError: It was one step too many; so is every later one.
        """
        if 0 <= size < SHORT:
            self._steps_left -= 1
        if self.exhausted or self._steps_left < 0:
            self.exhausted = True
            raise EndlessFileError
        return self._file.read(size)
