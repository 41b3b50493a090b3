"""The dataset returns whole batches of images, labels and rows."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from xray.data.dataset import ImageDataset

IMAGES = np.random.default_rng(1).integers(0, 256, (10, 4, 4), dtype=np.uint8)
LABELS = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]


@pytest.fixture
def dataset():
    return ImageDataset(IMAGES, np.arange(10), LABELS)


@pytest.mark.parametrize("rows", [[3], [7, 0, 2, 2]])
def test_a_batch_holds_images_labels_and_rows(dataset, rows):
    batch = dataset.__getitems__(rows)
    assert set(batch) == {"image", "label", "index"}
    assert batch["image"].dtype == torch.uint8
    assert batch["label"].dtype == torch.float32
    assert batch["index"].dtype == torch.int64
    np.testing.assert_array_equal(batch["image"].numpy(), np.stack([IMAGES[row] for row in rows])[:, None])
    assert batch["label"].tolist() == [LABELS[row] for row in rows]
    assert batch["index"].tolist() == rows


def test_rows_select_images_of_a_larger_array():
    rows = np.array([9, 0, 4])
    batch = ImageDataset(IMAGES, rows, [1, 0, 1]).__getitems__([2, 0])
    np.testing.assert_array_equal(batch["image"].numpy()[:, 0], IMAGES[[4, 9]])
    assert (batch["label"].tolist(), batch["index"].tolist()) == ([1.0, 1.0], [2, 0])


def test_one_image_is_a_batch_of_one(dataset):
    image = dataset[4]
    assert image["image"].shape == (1, 1, 4, 4)
    np.testing.assert_array_equal(image["image"][0, 0], IMAGES[4])
    assert (image["label"].tolist(), image["index"].tolist()) == ([1.0], [4])


def test_pickling_maps_images_again(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (50, 64, 64), dtype=np.uint8)
    images.tofile(tmp_path / "images.u8")
    mapped = np.memmap(tmp_path / "images.u8", np.uint8, "r", shape=images.shape)
    pickled = pickle.dumps(ImageDataset(mapped, np.arange(50), [0, 1] * 25))
    assert len(pickled) < 5000
    received = pickle.loads(pickled)
    np.testing.assert_array_equal(received.__getitems__([7, 49])["image"][:, 0], images[[7, 49]])
    assert received.__getitems__([7, 48])["label"].tolist() == [1.0, 0.0]


def test_changing_a_batch_does_not_change_the_images(dataset):
    dataset.__getitems__([0, 1])["image"].zero_()
    np.testing.assert_array_equal(dataset.__getitems__([0, 1])["image"][:, 0], IMAGES[:2])


def test_a_data_loader_returns_whole_batches(dataset):
    batches = list(DataLoader(dataset, batch_size=4, collate_fn=lambda batch: batch))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    np.testing.assert_array_equal(torch.cat([batch["image"] for batch in batches])[:, 0], IMAGES)
