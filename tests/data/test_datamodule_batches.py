"""Batches hold the right images, with and without cache, and in a reproducible order."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from tests.data.datamodules import CLASSES, SIDE, assert_batches_match_files, module, set_up, spoil
from xray.data.augment import Augmentation
from xray.data.cache.hashing import FileDigests
from xray.data.datamodule import ChestXRayDataModule
from xray.utils.errors import UserError

# Images


@pytest.mark.parametrize("validation", ["random", "blocks", "folder"])
def test_batches_hold_the_images_of_their_split(images, validation):
    data = set_up(images, validation=validation)
    data.setup("test")
    assert_batches_match_files(data, "train")
    for split in ("val", "test"):
        assert assert_batches_match_files(data, split) == list(range(len(data.images[split])))


def test_second_class_name_is_the_positive_class(images):
    data = set_up(images, class_names=CLASSES[::-1])
    assert_batches_match_files(data, "train", CLASSES[::-1])


def test_resize_rule_is_applied(images):
    for path in images.rglob("*.jpeg"):
        Image.new("L", (80, 40), 200).save(path)
        path.write_bytes(path.read_bytes() + path.name.encode())  # to make files differ
    padded, stretched = (set_up(images, resize=rule).grey_images("val", [0])[0] for rule in ("pad", "stretch"))
    assert (padded[0] == 0).all()
    assert (stretched[0] > 178).all()


@pytest.mark.parametrize(("validation", "rule"), [("blocks", "stretch"), ("folder", "pad"), ("random", "crop")])
def test_batches_are_the_same_with_and_without_cache(images, validation, rule):
    def batches(**options):
        torch.manual_seed(1)
        data = set_up(images, validation=validation, resize=rule, **options)
        data.setup("test")
        return [batch for split in ("train", "val", "test") for batch in getattr(data, f"{split}_dataloader")()]

    expected = batches(cache=False)
    assert not Path("data").exists()
    for _ in range(2):  # a cold cache, then a warm one
        for batch, uncached in zip(batches(), expected, strict=True):
            assert all(torch.equal(batch[key], uncached[key]) for key in ("image", "label", "index"))
    assert Path("data/.cache").is_dir()


@pytest.mark.filterwarnings("ignore:The next start will read new files again")
def test_a_cache_that_cannot_be_created_is_reported_once(images):
    Path("taken").write_text("a file, not a folder")
    with pytest.warns(UserWarning, match="decoded into memory.*taken.*--data.cache_dir") as warned:
        data = set_up(images, cache_dir=Path("taken"))
    assert sum("decoded into memory" in str(warning.message) for warning in warned) == 1
    assert_batches_match_files(data, "val")


def test_grey_images_are_those_of_the_rows(images):
    data = set_up(images)
    batch = next(iter(data.val_dataloader()))
    grey = data.grey_images("val", [3, 1])
    assert grey.dtype == np.uint8
    np.testing.assert_array_equal(grey, batch["image"][[3, 1], 0].numpy())


def test_grey_chunks_are_the_whole_split_in_order(images):
    data = set_up(images)
    chunks = list(data.grey_chunks("train", chunk_size=5))
    assert {len(chunk) for chunk in chunks[:-1]} == {5}
    np.testing.assert_array_equal(np.concatenate(chunks), data.grey_images("train"))
    assert len(data.grey_images("train")) == len(data.images["train"]) == len(data.files("train"))


def test_decode_files_skips_unreadable_files(images, make):
    data = set_up(images)
    others = [str(path) for path in sorted(make("other", seed=7).glob("test/*/*.jpeg"))[:4]]
    spoil(Path(others[1]))
    pixels, kept = data.decode_files(others, FileDigests()(others))
    assert kept == [0, 2, 3]
    assert pixels.shape == (3, SIDE, SIDE)


@pytest.mark.parametrize(("name", "value"), [("image_size", 15), ("batch_size", 0)])
def test_rejects_sizes_that_are_too_small(name, value):
    with pytest.raises(UserError, match=f"data.{name} {value} is too small"):
        ChestXRayDataModule(**{name: value})


# Training batches


def epoch_order(data, seed, epoch=0, random_numbers=0):
    """Return the rows of each batch, where the global generator was also used for other random numbers."""
    torch.manual_seed(seed)
    torch.rand(random_numbers)
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    torch.rand(random_numbers)
    return [batch["index"].tolist() for batch in loader]


def flat(order):
    return list(chain.from_iterable(order))


def test_training_order_depends_only_on_seed_and_epoch(images):
    data = set_up(images)
    order = epoch_order(data, seed=1)
    assert epoch_order(data, seed=1, random_numbers=100) == order
    assert epoch_order(set_up(images), seed=1) == order
    assert epoch_order(data, seed=2) != order
    assert epoch_order(data, seed=1, epoch=1) != order


def test_training_order_is_shuffled_and_mixes_the_classes(images):
    data = set_up(images)
    rows = flat(epoch_order(data, seed=0))
    assert rows != sorted(rows)
    mixed = [len(set(batch["label"].tolist())) == 2 for batch in data.train_dataloader()]
    assert sum(mixed) >= len(mixed) - 1


@pytest.mark.parametrize("batch_size", [8, 57])
def test_each_epoch_has_every_image_once_if_batches_divide_it(images, batch_size):
    data = set_up(images, validation="folder", batch_size=batch_size)
    for epoch in range(2):
        assert sorted(flat(epoch_order(data, 3, epoch))) == list(range(56))


@pytest.mark.parametrize("batch_size", [5, 55])
def test_an_incomplete_last_batch_is_dropped_and_differs_by_epoch(images, batch_size):
    data = set_up(images, validation="folder", batch_size=batch_size)
    order = epoch_order(data, 3)
    assert {len(rows) for rows in order} == {batch_size}
    assert len(order) == 56 // batch_size
    assert len(set(flat(order))) == len(flat(order))
    dropped = [frozenset(range(56)) - set(flat(epoch_order(data, 3, epoch))) for epoch in range(4)]
    assert len(set(dropped)) > 1


class Recorder(LightningModule):
    """Keeps every batch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.batches = {"train": [], "val": []}

    def training_step(self, batch):
        self.batches["train"].append(batch)
        return self.weight.sum()

    def validation_step(self, batch):
        self.batches["val"].append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def train(data, seed=1, epochs=2):
    torch.manual_seed(seed)
    recorder = Recorder()
    Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(recorder, datamodule=data)
    return recorder.batches


@pytest.mark.filterwarnings("ignore")
def test_only_training_images_are_augmented(images):
    batches = train(module(images, augmentation=Augmentation(shift=0.1)))
    plain = set_up(images)
    for batch in batches["train"]:
        rows = batch["index"].tolist()
        assert [plain.images["train"][row].label for row in rows] == batch["label"].tolist()
        original = torch.from_numpy(plain.grey_images("train", rows))[:, None]
        assert batch["image"].dtype == torch.float32
        assert batch["image"].shape == original.shape
        assert ((batch["image"] - original / 255).abs().amax(dim=(1, 2, 3)) > 0.01).all()
    for batch in batches["val"]:
        np.testing.assert_array_equal(batch["image"][:, 0], plain.grey_images("val", batch["index"].tolist()))


@pytest.mark.filterwarnings("ignore")
def test_trainer_uses_a_new_order_in_each_epoch(images):
    data = module(images, validation="folder")
    order = [batch["index"].tolist() for batch in train(data, seed=5)["train"]]
    assert order == epoch_order(data, seed=5, epoch=0) + epoch_order(data, seed=5, epoch=1)


def test_batches_are_not_augmented_without_a_trainer(images):
    data = set_up(images)
    batch = next(iter(data.train_dataloader()))
    assert data.on_after_batch_transfer(batch, 0)["image"].dtype == torch.uint8


def test_training_batches_of_another_form_are_refused(images):
    data = set_up(images)
    data.trainer = Trainer(logger=False, accelerator="cpu", enable_checkpointing=False, enable_progress_bar=False)
    data.trainer.training = True
    batch = next(iter(data.train_dataloader()))
    for other in ([batch, batch], {"image": batch["image"]}):
        with pytest.raises(UserError, match=r"ChestXRayDataModule.train_dataloader yields batches of type"):
            data.on_after_batch_transfer(other, 0)
    assert data.on_after_batch_transfer(batch, 0)["image"].dtype == torch.float32


class Labels(LightningModule):
    """Keeps the labels of the batches that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = {"train": [], "val": []}
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch, batch_idx):
        self.seen["train"].append(sorted(set(batch["label"].tolist())))
        return self.weight.sum()

    def validation_step(self, batch, batch_idx):
        self.seen["val"].append(sorted(set(batch["label"].tolist())))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize("limit", [{"overfit_batches": 2}, {"limit_val_batches": 2}])
def test_few_batches_have_both_classes(images, limit):
    model = Labels()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(max_epochs=1, accelerator="cpu", num_sanity_val_steps=0, **quiet, **limit)
    trainer.fit(model, datamodule=module(images, batch_size=4))
    assert model.seen["val"] == [[0, 1], [0, 1]]
    if "overfit_batches" in limit:
        assert model.seen["train"] == [[0, 1], [0, 1]]
