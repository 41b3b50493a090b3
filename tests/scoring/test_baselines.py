"""Shortcut baselines are fitted on training images, stored as plain values, and score other images."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from xray.data.datamodule import ChestXRayDataModule
from xray.data.decode.header import ImageHeader, headers_of
from xray.data.intensity import grey_statistics
from xray.evaluation.ranking import auroc
from xray.evaluation.shortcuts import BASELINES
from xray.scoring.baselines import fit_baselines, score_baselines, shape_features
from xray.utils.errors import UserError


def ready(root):
    data = ChestXRayDataModule(root, image_size=32)
    data.setup("fit")
    data.setup("test")
    return data


def labels_of(data, split):
    return np.array([image.label for image in data.images[split]])


def scored(data, split="test"):
    baselines = json.loads(json.dumps(fit_baselines(data)))
    return score_baselines(baselines, data, split, headers_of(data.files(split)))


def test_statistics_baseline_is_a_logistic_regression_on_training_images(images):
    data = ready(images)
    x, y = grey_statistics(data.grey_images("train")), labels_of(data, "train")
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(class_weight="balanced", max_iter=1000).fit(scaler.transform(x), y)
    expected = model.decision_function(scaler.transform(grey_statistics(data.grey_images("test"))))
    scores = scored(data)
    assert scores.keys() == BASELINES.keys()
    np.testing.assert_allclose(scores["statistics"], expected, rtol=1e-6, atol=1e-6)
    # All files have one size and mode.
    assert auroc(labels_of(data, "test"), scores["shape"]) == 0.5


def test_shape_baseline_separates_classes_of_different_size(images):
    for path in images.glob("*/NORMAL/*.jpeg"):
        Image.open(path).resize((64, 48)).save(path)
    data = ready(images)
    assert auroc(labels_of(data, "test"), scored(data)["shape"]) == 1.0


def test_shape_features_are_size_and_mode():
    names, features = shape_features([ImageHeader(100, 50, "RGB", "JPEG", 1), ImageHeader(20, 20, "L", "PNG", 2)])
    assert names == ("log_width", "log_height", "log_aspect", "in_colour")
    np.testing.assert_allclose(features, [[np.log(100), np.log(50), np.log(2), 1], [np.log(20), np.log(20), 0, 0]])
    assert shape_features([])[1].shape == (0, 4)


def test_checkpoint_without_baselines_gives_no_scores(images):
    data = ready(images)
    assert score_baselines({}, data, "test", headers_of(data.files("test"))) == {}


def test_missing_file_is_named(images):
    data = ready(images)
    lost = data.files("test")[3]
    (images.parent / lost).unlink()
    with pytest.raises(UserError, match="cannot be read any more") as caught:
        headers_of(data.files("test"))
    assert lost in str(caught.value)
