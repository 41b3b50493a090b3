"""What a DICOM file holds beside its pixels costs little, however much it is."""

import io
import struct

import numpy as np
import pytest
from pydicom import Dataset, Sequence, uid
from pydicom.encaps import encapsulate
from tests.data.dicoms import BYTES, TWELVE, WINDOW, dicom, jpeg, stored_dicom, write_dicom

from xray.data.decode.dicom.limits import LONGEST_VALUE, MOST_STEPS
from xray.data.decode.dicom.read import read_patient
from xray.data.decode.image import UnreadableImageError, read_image

IMAGE = stored_dicom(TWELVE, bits=12).getvalue()
ITEM = b"\xfe\xff\x00\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def element(group, number, kind, value, length=None):
    """In Explicit VR Little Endian, with a length of 32 bits."""
    return struct.pack("<HH2sH", group, number, kind, 0) + (length or struct.pack("<I", len(value))) + value


def before(group, number, inserted, image=IMAGE):
    """An image with further bytes before the first tag of this number."""
    place = image.index(struct.pack("<HH", group, number), 128)
    return image[:place] + inserted + image[place:]


def in_item(value):
    return ITEM[:4] + struct.pack("<I", len(value)) + value


CHARACTER_SETS = element(0x08, 0x05, b"UC", b"\\" * 1000)
EMPTY = struct.pack("<HH2sH", 0x08, 0x60, b"CS", 0)
ENDLESS = {
    "elements": before(0x08, 0x60, EMPTY * (MOST_STEPS + 1)),
    "elements of the file's own group": before(0x02, 0x10, struct.pack("<HH2sH", 2, 0x16, b"AE", 0) * MOST_STEPS),
    "items of a sequence that is looked at": before(0x7FE0, 0x10, element(0x54, 0x220, b"SQ", ITEM * MOST_STEPS)),
    "the same without a length": before(
        0x7FE0, 0x10, element(0x54, 0x220, b"SQ", ITEM * MOST_STEPS + SEQUENCE_END, UNDEFINED)
    ),
    "items of any other sequence": before(
        0x28, 0x02, element(0x09, 0x1010, b"SQ", ITEM * MOST_STEPS + SEQUENCE_END, UNDEFINED)
    ),
    "elements of an item": before(0x7FE0, 0x10, element(0x54, 0x220, b"SQ", in_item(EMPTY * (MOST_STEPS + 1)))),
    "bytes of a sequence": before(
        0x7FE0, 0x10, element(0x54, 0x220, b"SQ", in_item(element(0x09, 0x10, b"OB", b"\0" * 8 * LONGEST_VALUE)))
    ),
    "words": before(0x08, 0x60, element(0x08, 0x68, b"UC", b"\\" * (LONGEST_VALUE + 1))),
    "numbers": before(0x7FE0, 0x10, element(0x28, 0x1050, b"UC", b"1\\" * LONGEST_VALUE)),
    "character sets": before(0x08, 0x16, CHARACTER_SETS),
    "character sets of an item": before(0x7FE0, 0x10, element(0x54, 0x220, b"SQ", in_item(CHARACTER_SETS))),
    "transfer syntaxes": before(0x08, 0x16, element(0x02, 0x10, b"UC", b"\\" * (LONGEST_VALUE + 1))),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_more_than_any_image_holds_is_rejected(kind):
    with pytest.raises(UnreadableImageError, match=r"^it is made of more parts, or longer ones, than any image$"):
        read_image(io.BytesIO(ENDLESS[kind]))


@pytest.mark.parametrize("kind", ["elements", "character sets", "items of any other sequence"])
def test_such_a_file_names_no_patient(kind, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(ENDLESS[kind])
    assert read_patient(path) is None
    assert read_patient(write_dicom(path, TWELVE, bits=12)) is not None


@pytest.mark.parametrize("told", [True, False])
def test_fragments_without_end_are_rejected(told):
    image = stored_dicom(BYTES, syntax=uid.JPEGBaseline8Bit, frame=jpeg(BYTES)).getvalue()
    fragments = ITEM + in_item(jpeg(BYTES)) + ITEM * MOST_STEPS + SEQUENCE_END
    pixels = element(0x7FE0, 0x10, b"OB", fragments, None if told else UNDEFINED)
    with pytest.raises(UnreadableImageError, match="made of more parts"):
        read_image(io.BytesIO(image[: image.index(b"\xe0\x7f\x10\x00")] + pixels))


def test_a_frame_in_several_fragments_is_joined_whatever_its_offsets_say():
    whole = stored_dicom(BYTES, syntax=uid.JPEGBaseline8Bit, frame=jpeg(BYTES))
    dataset = dicom(BYTES, syntax=uid.JPEGBaseline8Bit, frame=jpeg(BYTES))
    dataset.PixelData = encapsulate([jpeg(BYTES)], fragments_per_frame=7, has_bot=True)
    for offsets in (dataset.PixelData[8:12], b"\1\2\3\4"):
        dataset.PixelData = dataset.PixelData[:8] + offsets + dataset.PixelData[12:]
        stored = io.BytesIO()
        dataset.save_as(stored, enforce_file_format=True)
        np.testing.assert_array_equal(read_image(stored), read_image(whole))


def test_many_tags_and_long_private_ones_are_no_reason():
    dataset = dicom(TWELVE, **WINDOW)
    block = dataset.private_block(0x0011, "Quagmire", create=True)
    for number in range(200):
        block.add_new(number, "LO", "Zebulon")
    block.add_new(201, "OB", b"\0" * 10 * LONGEST_VALUE)
    inner = Dataset()
    inner.add_new(0x00091010, "OB", b"\0" * 10 * LONGEST_VALUE)
    dataset.ReferencedImageSequence = Sequence([inner] * 3)
    dataset["ReferencedImageSequence"].is_undefined_length = True
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87", "ISO 2022 IR 13"]
    stored = io.BytesIO()
    dataset.save_as(stored, enforce_file_format=True)
    np.testing.assert_array_equal(read_image(stored), read_image(stored_dicom(TWELVE, **WINDOW)))
