"""From image files to a predictions table by any model, and which files get no row."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.tiny import tiny_run

from xray.cli import main
from xray.predictor.images import predict_images
from xray.predictor.open import open_predictor

ALL = ["--reject_ood", "false"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def images(checkpoint):
    return sorted((checkpoint.parents[3] / "images" / "test").rglob("*.jpeg"))


@pytest.fixture
def page(tmp_path):
    """A picture of something else."""
    pixels = np.full((60, 60), 255, np.uint8)
    pixels[::6, 4:50] = 0
    Image.fromarray(pixels).save(tmp_path / "page.png")
    return tmp_path / "page.png"


def rows(path="predictions.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_picture_of_something_else_gets_no_row_and_is_told(checkpoint, images, page, capsys):
    assert main(["predict", str(images[0]), str(page), "--ckpt_path", str(checkpoint)]) == 1
    assert [row["path"] for row in rows()] == [str(images[0])]
    assert f"rejected {page}: its " in capsys.readouterr().err


def test_it_is_predicted_where_that_is_asked_for(checkpoint, page):
    assert main(["predict", str(page), "--ckpt_path", str(checkpoint), "--reject_ood", "false"]) == 0
    assert [row["path"] for row in rows()] == [str(page)]


def test_where_all_are_rejected_nothing_is_written(checkpoint, page, capsys):
    assert main(["predict", str(page), "--ckpt_path", str(checkpoint)]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("predictions.csv").exists()


def test_rows_keep_their_order_and_their_patients(checkpoint, images, page, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    predictor = open_predictor(checkpoint)
    table, unreadable, rejected = predict_images([images[1], broken, page, images[0]], predictor)
    assert table.path == [str(images[1]), str(images[0])]
    assert list(unreadable) == [broken]
    assert list(rejected) == [page]
    assert table.patient == ["IM-0701", "IM-0701"]


def test_an_exported_file_predicts_as_its_checkpoint(checkpoint, images, tmp_path):
    out = tmp_path / "m.onnx"
    assert main(["export", str(checkpoint), "--out", str(out)]) == 0
    for model, table in ((checkpoint, "a.csv"), (out, "b.csv")):
        assert main(["predict", *map(str, images), "--ckpt_path", str(model), "--out", table, *ALL]) == 0
    for one, other in zip(rows("a.csv"), rows("b.csv"), strict=True):
        assert (one["path"], one["patient"], one["decision"]) == (other["path"], other["patient"], other["decision"])
        assert float(one["logit"]) == pytest.approx(float(other["logit"]), abs=1e-4)
