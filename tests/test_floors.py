"""Floors are fitted on training films and score any others, from a checkpoint alone."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from xray.data.datamodule import ChestXRayDataModule
from xray.data.statistics import grey_statistics
from xray.errors import UserError
from xray.evaluation.ranking import auroc
from xray.evaluation.shortcuts import FLOORS
from xray.floors import facts_of, fit_floors, score_floors


def ready(root):
    data = ChestXRayDataModule(root, image_size=32)
    data.setup("fit")
    data.setup("test")
    return data


def labels_of(data, split):
    return np.array([film.label for film in data.films[split]])


def scored(data, split="test"):
    floors = json.loads(json.dumps(fit_floors(data)))
    return score_floors(floors, data, split, facts_of(data.files(split)))


def test_the_floor_of_statistics_is_a_logistic_regression_on_training_films(films):
    data = ready(films)
    x, y = grey_statistics(data.grey_films("train")), labels_of(data, "train")
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(scaler.transform(x), y)
    expected = model.decision_function(scaler.transform(grey_statistics(data.grey_films("test"))))
    found = scored(data)
    assert found.keys() == FLOORS.keys()
    np.testing.assert_allclose(found["statistics"], expected, rtol=1e-6, atol=1e-6)


def test_files_of_one_size_and_mode_tell_nothing(films):
    data = ready(films)
    assert auroc(labels_of(data, "test"), scored(data)["shape"]) == 0.5


def test_sizes_that_go_with_the_class_are_found(films):
    for path in films.glob("*/NORMAL/*.jpeg"):
        Image.open(path).resize((64, 48)).save(path)
    data = ready(films)
    assert auroc(labels_of(data, "test"), scored(data)["shape"]) == 1.0


def test_a_checkpoint_without_floors_scores_none(films):
    data = ready(films)
    assert score_floors({}, data, "test", facts_of(data.files("test"))) == {}


def test_a_file_that_has_gone_is_named(films):
    data = ready(films)
    lost = data.files("test")[3]
    (films.parent / lost).unlink()
    with pytest.raises(UserError, match="cannot be read any more") as caught:
        facts_of(data.files("test"))
    assert lost in str(caught.value)
