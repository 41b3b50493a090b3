"""How much a DICOM file may hold beside its pixels, see `xray.data.decode.limits`. An image has some hundreds of tags."""

from collections.abc import Callable
from io import BytesIO
from typing import IO, TYPE_CHECKING, BinaryIO, Final, TypeVar, cast

from xray.data.decode.limits import BoundedFile, EndlessFileError

if TYPE_CHECKING:
    from pydicom import Dataset

Result = TypeVar("Result")

MOST_STEPS: Final = 100_000
"""Short reads for all tags of a file or of one sequence; a tag takes one or two, an item three, and up to 25 µs."""
MOST_FRAGMENTS: Final = 30_000
"""Pieces of compressed pixels; usual is one."""
LONGEST_VALUE: Final = 2 * 2**16
"""Bytes of a tag that is looked at: those of a table of 16 bits, the longest that an image needs."""
LONGEST_SEQUENCE: Final = 17 * LONGEST_VALUE
"""Bytes of a sequence that is looked at: an image may bring several tables, of which the first counts."""

PIXEL_GROUP: Final = 0x7FE0
ENCODING: Final = "iso8859"
"""Of texts in items: those that are looked at are ASCII."""
LONGEST_CHARACTER_SET: Final = 256
CHARACTER_SETS: Final = (b"\x08\x00\x05\x00", b"\x00\x08\x00\x05")
"""The tag Specific Character Set, little and big endian."""


def within_bounds(file: IO[bytes], read: Callable[[BinaryIO], Result]) -> Result:
    """Let pydicom read a file, in so many steps.

    Args:
        file: At any place.
        read: Given the file to read from.

    Raises:
        EndlessFileError: It was not done by then.
        Exception: Whatever `read` raises before.
    """
    bounded = _Tags(file, MOST_STEPS)
    try:
        return read(cast("BinaryIO", bounded))
    except Exception:
        # pydicom replaces what it is told by what it makes of it.
        if not bounded.exhausted:
            raise
    raise EndlessFileError


class _Tags(BoundedFile):
    """Rejects long lists of character sets too: pydicom reads and splits those of each item, asked or not."""

    _tag = b""

    def read(self, size: int = -1) -> bytes:
        if size > LONGEST_CHARACTER_SET and self._tag in CHARACTER_SETS:
            self.exhausted = True
        found = super().read(size)
        # A tag begins with eight bytes; of some, the length follows in four more.
        self._tag = found[:4] if size == 8 else self._tag
        return found


def check_lengths(dataset: "Dataset") -> None:
    """Look at the lengths of all tags but the pixels, before any is taken apart.

    Raises:
        EndlessFileError: One is longer than any image needs.
    """
    from pydicom.datadict import dictionary_has_tag, dictionary_VR
    from pydicom.dataelem import RawDataElement

    for element in dataset.elements():
        if isinstance(element, RawDataElement) and element.tag.group != PIXEL_GROUP:
            kind = dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else element.VR
            if len(element.value or b"") > (LONGEST_SEQUENCE if kind == "SQ" else LONGEST_VALUE):
                raise EndlessFileError


def read_items(dataset: "Dataset", keyword: str) -> "list[Dataset]":
    """The items of a sequence; none where it is missing, or is none.

    Raises:
        EndlessFileError: They are too many, or hold too much.
    """
    from pydicom.dataelem import RawDataElement
    from pydicom.filereader import read_sequence

    if keyword not in dataset:
        return []
    element = dataset.get_item(keyword)
    if isinstance(element, RawDataElement):
        value, order = element.value or b"", (element.is_implicit_VR, element.is_little_endian)
        items = list(within_bounds(BytesIO(value), lambda file: read_sequence(file, *order, len(value), ENCODING)))
    else:
        items = list(element.value) if element.VR == "SQ" else []
    for item in items:
        check_lengths(item)
    return items
