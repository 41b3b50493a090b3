"""A folder of images becomes batches that are what they say, or one line that says why not."""

import shutil
import warnings
from collections import Counter
from itertools import chain, groupby
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from xray.data.augment import Augmentation
from xray.data.datamodule import ChestXRayDataModule
from xray.data.index.folders import ImageRecord
from xray.utils.errors import UserError

SIDE = 32
POOL = {"random", "blocks"}


def module(root, **options):
    return ChestXRayDataModule(**({"root": root, "image_size": SIDE, "batch_size": 8, "val_fraction": 0.2} | options))


def ready(root, stage="fit", **options):
    data = module(root, **options)
    data.setup(stage)
    return data


def rejection(root, stage="fit", **options):
    with pytest.raises(UserError) as info:
        ready(root, stage, **options)
    return str(info.value)


def accepted(root, stage="fit", **options):
    with pytest.warns(UserWarning, match="Accepted|Left out"):
        return ready(root, stage, **options)


def paths(images):
    return {image.path for image in images}


def files(root, *folders):
    return {path.relative_to(root).as_posix() for folder in folders for path in (root / folder).glob("*/*.jpeg")}


def first(root, folder, class_name):
    return min((root / folder / class_name).glob("*.jpeg"))


def spoil(path: Path) -> Path:
    path.write_bytes(b"no image, but a text: " + path.name.encode())
    return path


def flat(order):
    return list(chain.from_iterable(order))


@pytest.mark.parametrize(
    ("stage", "splits"),
    [("fit", {"train", "val"}), ("validate", {"train", "val"}), ("test", {"test"}), ("predict", set())],
)
def test_each_stage_sets_up_what_it_needs(images, stage, splits):
    assert set(ready(images, stage).images) == splits


def test_a_second_setup_keeps_what_is_there(images):
    data = ready(images)
    before = dict(data.images)
    shutil.rmtree(images / "train")
    data.setup("fit")
    data.setup("validate")
    assert all(data.images[split] is before[split] for split in before)


def test_clean_images_give_no_notes_and_no_warnings(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = ready(images)
        data.setup("test")
    assert data.notes == []


@pytest.mark.parametrize("validation", sorted(POOL))
def test_train_and_val_folders_are_pooled_and_split_by_patient(images, validation):
    data = ready(images, validation=validation)
    train, val = data.images["train"], data.images["val"]
    assert paths(train) | paths(val) == files(images, "train", "val")
    assert not {image.group for image in train} & {image.group for image in val}
    # A fifth of 28 and of 36 images, in patients of two.
    assert Counter(image.label for image in val) == {0: pytest.approx(5.6, abs=2), 1: pytest.approx(7.2, abs=2)}
    assert all(data.images[split] == sorted(data.images[split], key=lambda image: image.path) for split in data.images)


def test_blocks_are_runs_of_patient_numbers(images):
    for seed in range(6):
        data = ready(images, validation="blocks", split_seed=seed)
        sides = [
            (int(image.group.removeprefix("person")), side)
            for side in data.images
            for image in data.images[side]
            if image.label
        ]
        in_order = [side for _, side in sorted(sides)]
        assert len(list(groupby(in_order))) <= 3


def test_folder_trusts_the_val_folder(images):
    data = ready(images, validation="folder")
    assert paths(data.images["train"]) == files(images, "train")
    assert paths(data.images["val"]) == files(images, "val")


def test_split_depends_on_its_own_seed_alone(images):
    torch.manual_seed(1)
    one = ready(images, split_seed=5)
    torch.manual_seed(2)
    assert ready(images, split_seed=5).images == one.images
    assert any(ready(images, split_seed=seed).images != one.images for seed in range(3))


def test_fraction_out_of_range_is_rejected(images):
    assert "val_fraction 1.5" in rejection(images, val_fraction=1.5)


def assert_batches_show_their_images(data, split, class_names=("NORMAL", "PNEUMONIA")):
    seen = []
    for batch in getattr(data, f"{split}_dataloader")():
        count = len(batch["index"])
        assert batch["image"].shape == (count, 1, SIDE, SIDE)
        assert batch["image"].dtype == torch.uint8
        assert (batch["label"].shape, batch["label"].dtype) == ((count,), torch.float32)
        assert batch["index"].dtype == torch.int64
        for pixels, label, row in zip(batch["image"], batch["label"], batch["index"], strict=True):
            image = data.images[split][row]
            with Image.open(data.root / image.path) as file:
                file.draft("L", (SIDE, SIDE))
                expected = file.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(pixels[0], np.asarray(expected))
            assert class_names[int(label)] == image.path.split("/")[1]
            seen.append(int(row))
    return seen


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_batches_show_the_images_of_the_table(images, validation):
    data = ready(images, validation=validation)
    data.setup("test")
    assert_batches_show_their_images(data, "train")
    for split in ("val", "test"):
        assert assert_batches_show_their_images(data, split) == list(range(len(data.images[split])))


def test_second_class_name_is_the_positive_class(images):
    data = ready(images, class_names=("PNEUMONIA", "NORMAL"))
    assert_batches_show_their_images(data, "train", ("PNEUMONIA", "NORMAL"))


def test_resize_rule_reaches_the_images(tmp_path, images):
    for path in images.rglob("*.jpeg"):
        Image.new("L", (80, 40), 200).save(path)
        path.write_bytes(path.read_bytes() + path.name.encode())  # no copies of one another
    padded, stretched = (ready(images, resize=rule).grey_images("val", [0])[0] for rule in ("pad", "stretch"))
    assert (padded[0] == 0).all()
    assert (stretched[0] > 178).all()


@pytest.mark.parametrize("validation", ["blocks", "folder"])
@pytest.mark.parametrize("rule", ["stretch", "pad", "crop"])
def test_cached_and_uncached_runs_see_the_same_pixels(images, validation, rule):
    def batches(**options):
        data = ready(images, validation=validation, resize=rule, **options)
        data.setup("test")
        return [batch for split in ("train", "val", "test") for batch in getattr(data, f"{split}_dataloader")()]

    torch.manual_seed(1)
    expected = batches(cache=False)
    assert not Path("data").exists()
    for _ in range(2):  # a cold cache, then a warm one
        torch.manual_seed(1)
        for batch, without in zip(batches(), expected, strict=True):
            assert all(torch.equal(batch[key], without[key]) for key in ("image", "label", "index"))
    assert Path("data/.cache").is_dir()


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_images_skipped_as_unreadable_are_skipped_with_a_warm_cache_too(images, validation):
    bad = spoil(first(images, "train", "NORMAL"))
    for _ in range(2):
        data = accepted(images, unreadable="skip", validation=validation)
        assert bad.relative_to(images).as_posix() not in paths(data.images["train"]) | paths(data.images["val"])
        assert_batches_show_their_images(data, "val")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_a_cache_that_cannot_be_used_is_told_and_done_without(images, validation):
    Path("taken").write_text("a file, no folder")
    with pytest.warns(UserWarning, match="decoded into memory.*taken.*--data.cache_dir") as warned:
        data = ready(images, validation=validation, cache_dir=Path("taken"))
    assert sum("decoded into memory" in str(warning.message) for warning in warned) == 1
    assert_batches_show_their_images(data, "val")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_a_cache_that_fails_after_it_gave_hashes_is_done_without(images, validation):
    ready(images, validation=validation)
    next(Path("data/.cache").glob("*/images.sqlite")).write_bytes(b"damaged" * 500)
    with pytest.warns(UserWarning, match="not a database"):
        data = ready(images, validation=validation)
    assert_batches_show_their_images(data, "val")


def test_grey_images_are_those_of_the_rows(images):
    data = ready(images)
    batch = next(iter(data.val_dataloader()))
    found = data.grey_images("val", [3, 1])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, batch["image"][[3, 1], 0].numpy())


def test_chunks_of_grey_images_are_the_whole_split_in_order(images):
    data = ready(images)
    chunks = list(data.grey_chunks("train", at_once=5))
    assert {len(chunk) for chunk in chunks[:-1]} == {5}
    np.testing.assert_array_equal(np.concatenate(chunks), data.grey_images("train"))
    assert len(data.grey_images("train")) == len(data.images["train"]) == len(data.files("train"))


def test_images_elsewhere_are_decoded_as_the_own_ones_and_bad_ones_left_out(images, make):
    data = ready(images)
    other = make("other", seed=7)
    paths = [str(path) for path in sorted(other.glob("test/*/*.jpeg"))[:4]]
    spoil(Path(paths[1]))
    found, kept = data.images_elsewhere(paths, data._reader.digests(paths))
    assert kept == [0, 2, 3]
    assert found.shape == (3, SIDE, SIDE)


def test_class_counts_are_those_of_the_training_images(images):
    data = ready(images, validation="folder")
    assert data.class_counts == (24, 32)
    pooled = ready(images)
    assert pooled.class_counts == tuple(
        sum(f"/{name}/" in image.path for image in pooled.images["train"]) for name in ("NORMAL", "PNEUMONIA")
    )


def test_val_folder_may_be_missing_where_images_are_pooled(images):
    shutil.rmtree(images / "val")
    data = ready(images)
    assert paths(data.images["train"]) | paths(data.images["val"]) == files(images, "train")


def test_missing_val_folder_cannot_be_trusted(images):
    shutil.rmtree(images / "val")
    assert "No folder val" in rejection(images, validation="folder")


@pytest.mark.parametrize("stage", ["fit", "validate"])
def test_test_folder_may_be_missing_while_training(images, stage):
    shutil.rmtree(images / "test")
    assert ready(images, stage).images["train"]
    assert "No folder test" in rejection(images, "test")


def test_testing_needs_no_other_folder(images):
    shutil.rmtree(images / "train")
    shutil.rmtree(images / "val")
    assert paths(ready(images, "test").images["test"]) == files(images, "test")


def empty(folder: Path) -> None:
    for path in folder.glob("*.jpeg"):
        path.unlink()


@pytest.mark.parametrize(
    ("folder", "stage", "validation"),
    [("train", "fit", "folder"), ("val", "fit", "folder"), ("val", "validate", "folder"), ("test", "test", "random")],
)
@pytest.mark.parametrize("name", ["NORMAL", "PNEUMONIA"])
def test_empty_class_is_rejected_with_class_and_folder(images, folder, stage, validation, name):
    empty(images / folder / name)
    message = rejection(images, stage, validation=validation)
    assert f"class {name} for {folder}" in message


@pytest.mark.parametrize("name", ["NORMAL", "PNEUMONIA"])
def test_class_that_is_empty_in_the_pool_is_rejected(images, name):
    for folder in ("train", "val"):
        empty(images / folder / name)
    assert f"class {name}" in rejection(images)


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_folders_without_any_image_are_rejected(images, validation):
    for path in images.rglob("*.jpeg"):
        path.unlink()
    assert "no readable image of class NORMAL" in rejection(images, validation=validation)


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_unreadable_images_stop_with_a_list_of_all_of_them(images, validation):
    bad = [spoil(first(images, folder, name)) for folder in ("train", "val") for name in ("NORMAL", "PNEUMONIA")]
    message = rejection(images, validation=validation)
    assert "4 of 64 images cannot be read" in message
    assert "--data.unreadable skip" in message
    assert all(f"\n  {path}: " in message for path in bad)
    spoil(first(images, "test", "NORMAL"))
    assert "1 of 28 images cannot be read" in rejection(images, "test")


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_unreadable_images_are_skipped_with_a_note_and_the_rest_stay_in_step(images, validation):
    bad = [spoil(first(images, folder, name)) for folder in ("train", "val") for name in ("NORMAL", "PNEUMONIA")]
    spoiled = {path.relative_to(images).as_posix() for path in bad}
    data = accepted(images, unreadable="skip", validation=validation)
    assert paths(data.images["train"]) | paths(data.images["val"]) == files(images, "train", "val") - spoiled
    (note,) = data.notes
    assert "Left out 4 of 64 images" in note
    assert all(str(path) in note for path in bad)
    assert_batches_show_their_images(data, "train")
    assert_batches_show_their_images(data, "val")


def test_unreadable_test_images_are_skipped_with_a_note(images):
    bad = spoil(first(images, "test", "PNEUMONIA"))
    data = accepted(images, "test", unreadable="skip")
    assert str(bad) in data.notes[0]
    assert len(assert_batches_show_their_images(data, "test")) == 27


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_skipping_every_image_of_a_class_is_rejected(images, validation):
    for path in images.glob("*/NORMAL/*.jpeg"):
        spoil(path)
    with pytest.warns(UserWarning, match="Left out"):
        assert "no readable image of class NORMAL" in rejection(images, unreadable="skip", validation=validation)


def test_skipping_every_image_is_rejected(images):
    for path in images.rglob("*.jpeg"):
        spoil(path)
    with pytest.warns(UserWarning, match="Left out"):
        assert "no readable image" in rejection(images, unreadable="skip", validation="folder")


@pytest.mark.filterwarnings("ignore:Left out")
@pytest.mark.parametrize("validation", ["random", "folder"])
def test_empty_files_are_unreadable_images_and_no_overlap(images, validation):
    # What a copy that broke off leaves behind; the images are of different patients.
    bad = [first(images, folder, "NORMAL") for folder in ("train", "val", "test")]
    for path in bad:
        path.write_bytes(b"")
    assert "cannot be read" in rejection(images, validation=validation)
    assert "cannot be read" in rejection(images, "test", validation=validation)
    data = accepted(images, validation=validation, unreadable="skip")
    data.setup("test")
    assert all("Left out" in note for note in data.notes)


def same_patient(root, one, other):
    """Put another image of a PNEUMONIA patient of the one folder into the other."""
    image = first(root, one, "PNEUMONIA")
    name = image.stem.rpartition("_")[0]
    shutil.copy(first(root, other, "PNEUMONIA"), root / other / "PNEUMONIA" / f"{name}_9999.jpeg")
    return name


def same_file(root, one, other):
    """Put an image of the one folder into the other under the name of another patient."""
    shutil.copy(first(root, one, "PNEUMONIA"), root / other / "PNEUMONIA" / "person9999_virus_1.jpeg")
    return "person9999_virus_1.jpeg is the same file as"


OVERLAPS = [
    ("train", "test", "fit", "random"),
    ("train", "test", "fit", "folder"),
    ("val", "test", "fit", "blocks"),
    ("train", "test", "test", "random"),
    ("val", "test", "test", "random"),
    ("train", "val", "fit", "folder"),
    ("train", "val", "validate", "folder"),
]


@pytest.mark.parametrize("share", [same_patient, same_file])
@pytest.mark.parametrize(("one", "other", "stage", "validation"), OVERLAPS)
def test_overlap_of_folders_is_rejected_or_accepted_with_a_note(images, share, one, other, stage, validation):
    sign = share(images, one, other)
    message = rejection(images, stage, validation=validation)
    assert sign in message
    assert one in message
    assert other in message
    assert "--data.overlaps accept" in message
    data = accepted(images, stage, validation=validation, overlaps="accept")
    (note,) = data.notes
    assert note.startswith("Accepted")
    assert sign in note
    if stage == "fit":
        assert paths(data.images["train"]) | paths(data.images["val"]) == files(images, "train", "val")


@pytest.mark.parametrize("share", [same_patient, same_file])
def test_train_and_val_folders_may_overlap_where_they_are_pooled(images, share):
    share(images, "train", "val")
    data = ready(images)
    assert data.notes == []
    train, val = data.images["train"], data.images["val"]
    assert not {image.group for image in train} & {image.group for image in val}
    assert not {image.digest for image in train} & {image.digest for image in val}


def test_many_overlaps_are_counted_rather_than_all_listed(images):
    for number in range(8):
        shutil.copy(
            sorted((images / "train/NORMAL").glob("*.jpeg"))[2 * number],
            images / f"test/NORMAL/IM-9{number:03d}-0001.jpeg",
        )
    message = rejection(images)
    assert message.count("is the same file as") == 5
    assert "and 3 more" in message


@pytest.mark.filterwarnings("ignore:Accepted")
def test_an_accepted_overlap_is_noted_once_for_fit_and_test_together(images):
    same_patient(images, "train", "test")
    data = accepted(images, overlaps="accept")
    data.setup("test")
    assert len(data.notes) == len(set(data.notes)) == 1


@pytest.mark.parametrize("validation", sorted(POOL))
def test_identical_files_within_the_pool_stay_on_one_side(images, validation):
    originals = sorted((images / "train/PNEUMONIA").glob("*1.jpeg"))[:8]
    for i, path in enumerate(originals):
        shutil.copy(path, images / f"val/PNEUMONIA/person{3000 + i}_virus_1.jpeg")
    for seed in range(6):
        data = ready(images, validation=validation, split_seed=seed)
        train, val = ({image.digest for image in data.images[split]} for split in ("train", "val"))
        assert not train & val


def rename_all(root):
    """Names that tell no patient."""
    for i, path in enumerate(sorted(root.rglob("*.jpeg"))):
        path.rename(path.with_name(f"image{i}.jpeg"))


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_names_without_a_patient_are_told_exactly_once(images, validation):
    rename_all(images)
    with warnings.catch_warnings(record=True) as caught:
        data = ready(images, validation=validation)
        data.setup("test")
    assert sum("no recognisable patient" in str(warning.message) for warning in caught) == 1
    (note,) = data.notes
    assert "64 of 64 images" in note
    assert "data.patient_pattern" in note
    assert {image.patient for image in data.images["train"]} == paths(data.images["train"])


def test_own_pattern_names_the_patients(images):
    for i, path in enumerate(sorted(images.rglob("*.jpeg"))):
        path.rename(path.with_name(f"{i // 4:05d}_{i}.jpeg"))
    # Four images to a patient, counted through all folders: no border between folders or classes parts them.
    data = ready(images, patient_pattern=r"^(?P<patient>\d+)_")
    assert data.notes == []
    assert {image.patient for image in data.images["train"]}.isdisjoint(image.patient for image in data.images["val"])


def test_bad_pattern_is_rejected(images):
    assert "patient_pattern" in rejection(images, patient_pattern="(")


@pytest.mark.parametrize(
    ("name", "value"), [("image_size", 15), ("image_size", 0), ("batch_size", 0), ("batch_size", -1)]
)
def test_sizes_that_are_too_small_are_rejected_at_once(name, value):
    with pytest.raises(UserError, match=f"data.{name} {value} is too small"):
        ChestXRayDataModule(**{name: value})


def test_least_sizes_are_accepted(images):
    data = ready(images, image_size=16, batch_size=1)
    assert next(iter(data.val_dataloader()))["image"].shape == (1, 1, 16, 16)


def epoch_order(data, seed, epoch=0, used=0):
    torch.manual_seed(seed)
    torch.rand(used)
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    torch.rand(used)
    return [batch["index"].tolist() for batch in loader]


def test_training_order_depends_on_seed_and_epoch_alone(images):
    data = ready(images)
    order = epoch_order(data, seed=1)
    assert epoch_order(data, seed=1, used=100) == order
    assert epoch_order(ready(images), seed=1) == order
    assert epoch_order(data, seed=2) != order
    assert epoch_order(data, seed=1, epoch=1) != order


@pytest.mark.parametrize("validation", ["random", "folder"])
def test_training_order_is_shuffled_and_mixes_the_classes(images, validation):
    data = ready(images, validation=validation)
    rows = flat(epoch_order(data, seed=0))
    assert rows != sorted(rows)
    mixed = [len(set(batch["label"].tolist())) == 2 for batch in data.train_dataloader()]
    assert sum(mixed) >= len(mixed) - 1


@pytest.mark.parametrize("batch_size", [1, 2, 4, 7, 8, 14, 28, 56, 57, 1000])
def test_each_training_image_comes_exactly_once_where_batches_fit(images, batch_size):
    data = ready(images, validation="folder", batch_size=batch_size)
    for epoch in range(2):
        assert sorted(flat(epoch_order(data, 3, epoch))) == list(range(56))


@pytest.mark.parametrize("batch_size", [3, 5, 11, 55])
def test_what_does_not_fill_a_batch_is_left_for_another_epoch(images, batch_size):
    data = ready(images, validation="folder", batch_size=batch_size)
    order = epoch_order(data, 3)
    assert {len(rows) for rows in order} == {batch_size}
    assert len(order) == 56 // batch_size
    assert len(set(flat(order))) == len(flat(order))
    left_out = [frozenset(range(56)) - set(flat(epoch_order(data, 3, epoch))) for epoch in range(4)]
    assert len(set(left_out)) > 1


class Probe(LightningModule):
    """Keeps every batch that it is given."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = {"train": [], "val": []}

    def training_step(self, batch):
        self.seen["train"].append(batch)
        return self.weight.sum()

    def validation_step(self, batch):
        self.seen["val"].append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def trained(data, seed=1, epochs=1):
    torch.manual_seed(seed)
    probe = Probe()
    Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(probe, datamodule=data)
    return probe.seen


@pytest.mark.filterwarnings("ignore")
def test_training_augments_training_images_and_touches_neither_labels_nor_validation(images):
    seen = trained(module(images, augmentation=Augmentation(shift=0.1)), epochs=2)
    plain = ready(images)
    for batch in seen["train"]:
        rows = batch["index"].tolist()
        assert [plain.images["train"][row].label for row in rows] == batch["label"].tolist()
        original = plain._datasets["train"].__getitems__(rows)["image"]
        assert batch["image"].dtype == torch.float32
        assert batch["image"].shape == original.shape
        changed = (batch["image"] - original / 255).abs().amax(dim=(1, 2, 3))
        assert (changed > 0.01).all()
    assert len({tuple(batch["index"].tolist()) for batch in seen["train"]}) == len(seen["train"])  # a new order
    for batch in seen["val"]:
        np.testing.assert_array_equal(
            batch["image"], plain._datasets["val"].__getitems__(batch["index"].tolist())["image"]
        )


@pytest.mark.filterwarnings("ignore")
def test_the_trainer_gives_each_epoch_its_own_order(images):
    data = module(images, validation="folder")
    seen = [batch["index"].tolist() for batch in trained(data, seed=5, epochs=2)["train"]]
    assert seen == epoch_order(data, seed=5, epoch=0) + epoch_order(data, seed=5, epoch=1)


def test_without_a_trainer_batches_are_left_as_they_are(images):
    data = ready(images)
    batch = next(iter(data.train_dataloader()))
    assert data.on_after_batch_transfer(batch, 0)["image"].dtype == torch.uint8


TRAINED = "images that the model was trained on"


def trained_on(path, patient="elsewhere", digest="none", named=True):
    return [ImageRecord(path, "train", -1, patient, patient, digest, named)]


def test_a_trained_patient_is_rejected_in_test_whatever_the_folders_look_like_now(images):
    data = ready(images, "test")
    image = data.images["test"][-1]
    data.reject_known(trained_on("train/PNEUMONIA/old.jpeg"), "test", same_source=True, called=TRAINED)
    with pytest.raises(UserError, match=f"{TRAINED} and test share patients or files: patient {image.patient}"):
        data.reject_known(
            trained_on("train/PNEUMONIA/old.jpeg", image.patient), "test", same_source=True, called=TRAINED
        )


def test_equal_names_from_another_source_are_no_overlap_but_equal_files_are(images):
    data = ready(images, "test")
    image = data.images["test"][-1]
    data.reject_known(trained_on("train/PNEUMONIA/old.jpeg", image.patient), "test", same_source=False, called=TRAINED)
    with pytest.raises(UserError, match=r"is the same file as train/PNEUMONIA/old\.jpeg"):
        data.reject_known(
            trained_on("train/PNEUMONIA/old.jpeg", digest=image.digest), "test", same_source=False, called=TRAINED
        )


def test_trained_images_are_accepted_with_a_note(images):
    data = ready(images, "test", overlaps="accept")
    with pytest.warns(UserWarning, match="Accepted"):
        data.reject_known(trained_on("x", data.images["test"][0].patient), "test", same_source=True, called=TRAINED)
    assert len(data.notes) == 1


def test_real_images_are_set_up_from_end_to_end(real_images, tmp_path):
    # A few of each folder, as links: full setups of all images take their time.
    for folder in ("train", "val", "test"):
        for name in ("NORMAL", "PNEUMONIA"):
            (tmp_path / folder / name).mkdir(parents=True)
            for path in sorted((real_images / folder / name).glob("*.jpeg"))[:30]:
                (tmp_path / folder / name / path.name).symlink_to(path)
    data = ready(tmp_path)
    data.setup("test")
    assert data.notes == []
    assert_batches_show_their_images(data, "val")
    assert_batches_show_their_images(data, "test")


def test_a_folder_of_classes_is_tested_whole_but_not_trained_on(images, make):
    other = make("other", seed=5) / "test"
    data = ready(other, "test")
    assert sorted(data.files("test")) == sorted(str(path) for path in other.glob("*/*.jpeg"))
    assert {image.patient for image in data.images["test"]} == {
        image.patient for image in ready(other.parent, "test").images["test"]
    }
    assert data.beside_test == []
    assert "holds the class folders" in rejection(other, "fit")
