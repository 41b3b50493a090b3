"""Films in memory become batches, gathered whole."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from xray.data.dataset import FilmDataset

FILMS = np.random.default_rng(1).integers(0, 256, (10, 4, 4), dtype=np.uint8)
LABELS = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1]


@pytest.fixture
def dataset():
    return FilmDataset(FILMS, np.arange(10), LABELS)


def test_length_is_the_number_of_films(dataset):
    assert len(dataset) == 10
    assert len(FilmDataset(FILMS, np.arange(0), [])) == 0


@pytest.mark.parametrize("rows", [[3], [7, 0, 2], [1, 1], list(range(10))])
def test_a_batch_holds_the_films_labels_and_rows_asked_for(dataset, rows):
    batch = dataset.__getitems__(rows)
    assert set(batch) == {"image", "label", "index"}
    assert batch["image"].dtype == torch.uint8
    assert batch["label"].dtype == torch.float32
    assert batch["index"].dtype == torch.int64
    np.testing.assert_array_equal(batch["image"].numpy(), np.stack([FILMS[row] for row in rows])[:, None])
    assert batch["label"].tolist() == [LABELS[row] for row in rows]
    assert batch["index"].tolist() == rows


def test_films_may_lie_anywhere_in_a_larger_array():
    rows = np.array([9, 0, 4])
    batch = FilmDataset(FILMS, rows, [1, 0, 1]).__getitems__([2, 0])
    np.testing.assert_array_equal(batch["image"].numpy()[:, 0], FILMS[[4, 9]])
    assert (batch["label"].tolist(), batch["index"].tolist()) == ([1.0, 1.0], [2, 0])


def test_one_film_is_a_batch_of_one(dataset):
    film = dataset[4]
    assert film["image"].shape == (1, 1, 4, 4)
    np.testing.assert_array_equal(film["image"][0, 0], FILMS[4])
    assert (film["label"].tolist(), film["index"].tolist()) == ([1.0], [4])


def test_mapped_films_are_not_sent_to_other_processes_but_mapped_again(tmp_path):
    films = np.random.default_rng(0).integers(0, 256, (50, 64, 64), dtype=np.uint8)
    films.tofile(tmp_path / "films.u8")
    mapped = np.memmap(tmp_path / "films.u8", np.uint8, "r", shape=films.shape)
    sent = pickle.dumps(FilmDataset(mapped, np.arange(50), [0, 1] * 25))
    assert len(sent) < 5000
    received = pickle.loads(sent)
    np.testing.assert_array_equal(received.__getitems__([7, 49])["image"][:, 0], films[[7, 49]])
    assert received.__getitems__([7, 48])["label"].tolist() == [1.0, 0.0]


def test_changing_a_batch_leaves_the_films_alone(dataset):
    dataset.__getitems__([0, 1])["image"].zero_()
    np.testing.assert_array_equal(dataset.__getitems__([0, 1])["image"][:, 0], FILMS[:2])


def test_a_data_loader_gets_whole_batches(dataset):
    batches = list(DataLoader(dataset, batch_size=4, collate_fn=lambda batch: batch))
    assert [batch["index"].tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    np.testing.assert_array_equal(torch.cat([batch["image"] for batch in batches])[:, 0], FILMS)
