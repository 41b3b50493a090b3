"""Patients and files that two splits share are rejected, or accepted with a note."""

import shutil

import pytest

from tests.data.datamodules import files, first, paths, rejection, set_up, set_up_with_warning, values
from xray.data.index.base import ImageRecord
from xray.utils.errors import UserError


def share_patient(root, one, other):
    """Put another image of a PNEUMONIA patient of one folder into the other; return the text that reports it."""
    patient = first(root, one, "PNEUMONIA").stem.rpartition("_")[0]
    shutil.copy(first(root, other, "PNEUMONIA"), root / other / "PNEUMONIA" / f"{patient}_9999.jpeg")
    return patient


def share_file(root, one, other):
    """Copy an image of one folder to the other under the name of another patient; return the text that reports it."""
    shutil.copy(first(root, one, "PNEUMONIA"), root / other / "PNEUMONIA" / "person9999_virus_1.jpeg")
    return "person9999_virus_1.jpeg is the same file as"


@pytest.mark.parametrize("share", [share_patient, share_file])
@pytest.mark.parametrize(
    ("one", "other", "stage", "validation"),
    [
        ("train", "test", "fit", "random"),
        ("val", "test", "fit", "folder"),
        ("train", "test", "test", "random"),
        ("val", "test", "test", "random"),
        ("train", "val", "fit", "folder"),
        ("train", "val", "validate", "folder"),
    ],
)
def test_overlapping_folders_are_rejected_or_accepted_with_a_note(images, share, one, other, stage, validation):
    overlap = share(images, one, other)
    message = rejection(images, stage, validation=validation)
    assert all(text in message for text in (overlap, one, other, "--data.overlaps accept"))
    data = set_up_with_warning(images, stage, validation=validation, overlaps="accept")
    (note,) = data.notes
    assert note.startswith("Accepted")
    assert overlap in note
    if stage == "fit":
        assert paths(data.images["train"]) | paths(data.images["val"]) == files(images, "train", "val")


@pytest.mark.parametrize("share", [share_patient, share_file])
@pytest.mark.parametrize("validation", ["random", "blocks"])
def test_pooled_train_and_val_folders_may_overlap(images, share, validation):
    share(images, "train", "val")
    data = set_up(images, validation=validation)
    assert data.notes == []
    train, val = data.images["train"], data.images["val"]
    assert not values(train, "group") & values(val, "group")
    assert not values(train, "digest") & values(val, "digest")


def test_lists_only_some_of_many_overlaps(images):
    for number in range(8):
        shutil.copy(
            sorted((images / "train/NORMAL").glob("*.jpeg"))[2 * number],
            images / f"test/NORMAL/IM-9{number:03d}-0001.jpeg",
        )
    message = rejection(images)
    assert message.count("is the same file as") == 5
    assert "and 3 more" in message


@pytest.mark.filterwarnings("ignore:Accepted")
def test_an_accepted_overlap_is_noted_once_for_fit_and_test(images):
    share_patient(images, "train", "test")
    data = set_up_with_warning(images, overlaps="accept")
    data.setup("test")
    assert len(data.notes) == 1


FITTED = "images that the model was trained on"


def reject_fitted_images(data, same_source=True, patient="elsewhere", digest="none"):
    known = ImageRecord("train/PNEUMONIA/old.jpeg", "train", -1, patient, patient, digest, named=True)
    data.reject_fitted_images([known], "test", same_source, FITTED)


def test_rejects_a_test_patient_that_a_model_was_trained_on(images):
    data = set_up(images, "test")
    patient = data.images["test"][-1].patient
    reject_fitted_images(data)
    with pytest.raises(UserError, match=f"{FITTED} and test share patients or files: patient {patient}"):
        reject_fitted_images(data, patient=patient)


def test_other_sources_are_compared_by_file_only(images):
    data = set_up(images, "test")
    image = data.images["test"][-1]
    reject_fitted_images(data, same_source=False, patient=image.patient)
    with pytest.raises(UserError, match=r"is the same file as train/PNEUMONIA/old\.jpeg"):
        reject_fitted_images(data, same_source=False, digest=image.digest)
