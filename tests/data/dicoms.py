"""Create DICOM files, each with values that identify the patient and must not be revealed anywhere."""

import hashlib
import io
import traceback

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import read_image

IDENTIFYING = {
    "PatientName": "Quagmire^Zebulon",
    "PatientID": "MRN7712390",
    "IssuerOfPatientID": "StOlafHospital",
    "PatientBirthDate": "19310417",
    "OtherPatientIDs": "ALT5550123",
    "PatientAddress": "17 Sycamore Crescent",
    "AccessionNumber": "ACC9981277",
    "ReferringPhysicianName": "Hartebeest^Ottoline",
    "InstitutionName": "Wobblington Infirmary",
    "StudyDescription": "Chest of Z. Quagmire",
    "ImageComments": "Call Mrs Quagmire",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.777123",
    "DeviceSerialNumber": "SN-4471-QQ",
}


# Encoders that take stored values as unsigned numbers, and those that take signed numbers.
ENCODERS = {
    uid.JPEGLossless: lambda pixels, bits: imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=5, bitspersample=bits
    ),
    uid.JPEGLosslessSV1: lambda pixels, bits: imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=1, bitspersample=bits
    ),
    uid.JPEGLSLossless: lambda pixels, bits: imagecodecs.jpegls_encode(pixels),
}
SIGNED_ENCODERS = {
    uid.JPEG2000Lossless: lambda pixels, bits: imagecodecs.jpeg2k_encode(
        pixels, codecformat="j2k", reversible=True, bitspersample=bits
    ),
    uid.HTJ2KLossless: lambda pixels, bits: imagecodecs.htj2k_encode(pixels),
}


def traces(identifying=None):
    """Return texts that must not occur anywhere: the values, their parts, and hashes of the patient's ID."""
    values = dict(IDENTIFYING) | (identifying or {})
    words = {part for value in values.values() for part in [value, *value.split("^")]}
    words |= {"Quagmire"}
    identity = values["PatientID"].encode()
    return words | {hashlib.new(kind, identity).hexdigest()[:16] for kind in ("md5", "sha1", "sha256", "blake2b")}


def dicom(pixels, bits=None, syntax=uid.ExplicitVRLittleEndian, frame=None, **tags):
    """Return a data set of grey pixels, shape (height, width).

    Args:
        pixels: Of dtype uint8, uint16 or int16.
        bits: Stored; by default all of them.
        syntax: Transfer syntax.
        frame: The compressed pixels; by default the pixels are compressed as the transfer syntax says.
        tags: Further tags, or None to leave one out.
    """
    pixels = np.asarray(pixels)
    allocated = 8 * pixels.dtype.itemsize
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "PA"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated, dataset.BitsStored = allocated, bits or allocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW"
    if syntax in ENCODERS and frame is None:
        frame = ENCODERS[syntax](pixels.view(f"u{pixels.itemsize}") & (2**dataset.BitsStored - 1), dataset.BitsStored)
    elif syntax in SIGNED_ENCODERS and frame is None:
        frame = SIGNED_ENCODERS[syntax](pixels, dataset.BitsStored)
    if frame is not None:
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        dataset.file_meta.TransferSyntaxUID = syntax
    elif syntax == uid.RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == uid.ExplicitVRBigEndian:
            dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    for name, value in (IDENTIFYING | tags).items():
        if value is not None:
            setattr(dataset, name, value)
        elif name in dataset:
            del dataset[name]
    return dataset


def stored_dicom(pixels, **options):
    """Return the data set as an open file."""
    file = io.BytesIO()
    dicom(pixels, **options).save_as(file, enforce_file_format=True)
    file.seek(0)
    return file


def write_dicom(path, pixels, **options):
    """Write the data set to a file, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stored_dicom(pixels, **options).getvalue())
    return path


RNG = np.random.default_rng(11)
TWELVE = RNG.integers(0, 4096, (9, 8), dtype=np.uint16)
BYTES = RNG.integers(0, 256, (8, 6), dtype=np.uint8)
WINDOW = {"bits": 12, "WindowCenter": 2048, "WindowWidth": 4096}


def rejection(pixels=TWELVE, **options):
    """Return why a file is rejected, and check that the reason reveals nothing of the patient."""
    with pytest.raises(UnreadableImageError) as info:
        read_image(stored_dicom(pixels, **({"bits": 12} | options)))
    text = "".join(traceback.format_exception(info.value))
    assert not any(trace in text for trace in traces())
    return str(info.value)


def jpeg(pixels, kind="JPEG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
