"""A source of images in several formats, among other files."""

import re

import pytest
from PIL import Image

from tests.conftest import CLASSES, make_images
from tests.end_to_end.commands import metrics, run


def test_every_image_of_another_source_counts_and_other_files_are_named(trained, tmp_path):
    root = make_images(tmp_path / "other", {"test": (15, 15)}, seed=5) / "test"
    files = sorted(root.rglob("*.jpeg"))
    for file in files[::2]:
        Image.open(file).save(file.with_suffix(".tif"))
        file.unlink()
    for number in range(5):
        (root / CLASSES[number % 2] / f"letter{number}.txt").touch()
    said = f"Left out 5 files: 5 .txt (in {root})."
    with pytest.warns(UserWarning, match=re.escape(said)):
        run("test", "--data.root", root)
    summary = metrics("cnn/version_0", "external/test")
    assert summary["images"] == 60
    assert said in summary["source"]["notes"]
