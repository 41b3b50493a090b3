"""Test patients drawn from data without a test split: whole patients, always the same ones."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.datamodules import paths, rejection, set_up, values
from xray.data.drawn_test import DrawnTest
from xray.data.index.base import ImageIndex, ImageRecord
from xray.data.index.patients import KERMANY_PATTERN

CLASSES = ("NORMAL", "PNEUMONIA")


class Listed(ImageIndex):
    """An undivided index of given images."""

    root = Path()

    def __init__(self, images):
        self.images = images

    def has(self, split):
        return False

    def is_undivided(self, class_names):
        return True

    def records(self, splits, class_names, patient_pattern, hash_files, note=None):
        return self.images


@given(
    patients=st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=60, max_size=120),
    fraction=st.floats(0.1, 0.5),
    method=st.sampled_from(["random", "blocks"]),
    seed=st.integers(0, 100),
)
def test_whole_patients_near_the_fraction_and_always_the_same(patients, fraction, method, seed):
    images = [
        ImageRecord(f"{p}-{k}.png", "all", int(label), f"p{p}", f"p{p}", f"{p}-{k}", named=True)
        for p, (count, label) in enumerate(patients)
        for k in range(count)
    ]
    # Enough patients of each class for any fraction.
    images += [ImageRecord(f"{i}.png", "all", i % 2, f"q{i}", f"q{i}", str(i), named=True) for i in range(1000, 1040)]

    def draw(images, split):
        index = DrawnTest(Listed(images), fraction, method, seed)
        return paths(index.records([split], CLASSES, KERMANY_PATTERN, lambda files: files))

    test, train = draw(images, "test"), draw(images, "train")
    assert test == draw(images[::-1], "test")
    assert test | train == paths(images)
    assert not test & train
    patient = {image.path: image.patient for image in images}
    assert not {patient[path] for path in test} & {patient[path] for path in train}
    for label in (0, 1):
        total = [image for image in images if image.label == label]
        # Up to half of the largest patient more or less, for each of a few number series.
        assert abs(sum(image.path in test for image in total) - fraction * len(total)) <= 4


@pytest.mark.parametrize("layout", ["class folders only", "train only"])
@pytest.mark.parametrize("method", ["random", "blocks"])
def test_fit_and_test_agree(images, tmp_path, layout, method):
    root = images / "train" if layout == "class folders only" else images
    for name in ("val", "test"):
        shutil.rmtree(images / name)
    options = {"validation": method, "test_fraction": 0.25}
    fitted, tested = set_up(root, "fit", **options), set_up(root, "test", **options)
    splits = fitted.recorded_splits
    assert paths(splits["test"]) == paths(tested.images["test"])
    assert paths(tested.train_and_val_images) == paths(splits["train"]) | paths(splits["val"])
    assert values(splits["test"], "folder") == {"test"}
    groups = [values(splits[name], "group") for name in ("train", "val", "test")]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert 10 <= len(splits["test"]) <= 18  # of 56


def test_a_test_split_is_neither_drawn_from_nor_replaced(images):
    assert "has a test split" in rejection(images, test_fraction=0.2)


def test_a_wrong_fraction_is_rejected(images):
    shutil.rmtree(images / "test")
    assert "data.test_fraction 1.5 must be between 0 and 1" in rejection(images, test_fraction=1.5)


def test_fit_on_class_folders_offers_to_draw_a_test_set(images):
    assert "--data.test_fraction 0.2" in rejection(images / "train")
