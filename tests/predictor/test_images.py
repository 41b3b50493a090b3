"""Predictions table of image files: predicted, rejected and unreadable images."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xray.cli import main
from xray.evaluation.predictions import read_predictions
from xray.predictor.images import predict_images
from xray.predictor.open import open_predictor

ALL = ["--reject_ood", "false"]


@pytest.fixture
def images(checkpoint):
    return sorted((checkpoint.parents[3] / "images" / "test").rglob("*.jpeg"))


@pytest.fixture
def page(tmp_path):
    """Return an image that is not a chest X-ray."""
    pixels = np.full((60, 60), 255, np.uint8)
    pixels[::6, 4:50] = 0
    Image.fromarray(pixels).save(tmp_path / "page.png")
    return tmp_path / "page.png"


def rows(path="predictions.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_rejected_image_has_a_row_with_the_reason(checkpoint, images, page, capsys):
    assert main(["predict", str(images[0]), str(page), "--ckpt_path", str(checkpoint)]) == 0
    predicted, rejected = rows()
    assert (predicted["path"], predicted["outcome"], predicted["reason"]) == (str(images[0]), "predicted", "")
    assert (rejected["path"], rejected["outcome"], rejected["decision"]) == (str(page), "rejected", "")
    assert rejected["probability"] == ""
    output = capsys.readouterr()
    assert f"rejected {page}: {rejected['reason']}" in output.err
    assert "1 rejected" in output.out
    assert list(read_predictions(Path("predictions.csv")).path) == [str(images[0])], "reports skip rejected images"


def test_predicts_other_images_on_request(checkpoint, page):
    assert main(["predict", str(page), "--ckpt_path", str(checkpoint), "--reject_ood", "false"]) == 0
    assert [row["outcome"] for row in rows()] == ["predicted"]


def test_unreadable_file_has_a_row_and_gives_status_1(checkpoint, images, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    args = ["predict", "broken.png", str(images[0]), "--ckpt_path", str(checkpoint)]
    assert main(args) == 1
    assert [row["outcome"] for row in rows()] == ["unreadable", "predicted"]
    assert main(args) == 1, "an earlier table may be replaced"


def test_rows_keep_order_and_patients(checkpoint, images, page, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    paths = [images[1], broken, page, images[0]]
    outcomes = predict_images(paths, open_predictor(checkpoint))
    assert [image.path for image in outcomes] == list(map(str, paths))
    assert [image.outcome for image in outcomes] == ["predicted", "unreadable", "rejected", "predicted"]
    assert outcomes[0].patient == outcomes[3].patient == "IM-0701"


def test_export_gives_the_same_table(checkpoint, images, tmp_path):
    out = tmp_path / "m.pt2"
    assert main(["export", str(checkpoint), "--format", "torch", "--out", str(out)]) == 0
    for model, table in ((checkpoint, "a.csv"), (out, "b.csv")):
        assert main(["predict", *map(str, images), "--ckpt_path", str(model), "--out", table, *ALL]) == 0
    for one, other in zip(rows("a.csv"), rows("b.csv"), strict=True):
        assert (one["path"], one["patient"], one["decision"]) == (other["path"], other["patient"], other["decision"])
        assert float(one["logit"]) == pytest.approx(float(other["logit"]), abs=1e-4)
