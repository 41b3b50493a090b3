"""The command `explain` on a tiny trained run."""

import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.explain.conftest import SIZE, Linear
from tests.serve.fakes import make_manifest
from tests.tiny_runs import tiny_run

from xray.cli import main
from xray.evaluation.predictions import read_predictions
from xray.explain.command import choose_methods, explain
from xray.explain.figure import explanation_figure
from xray.explain.folder import TABLE
from xray.explain.maps import CAVEATS, Explanation
from xray.predictor.decision_model import DecisionModel, ImagePrediction
from xray.utils.errors import UserError


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp("run"), "cnn", "--data.image_size", "64")


@pytest.fixture(scope="module")
def images(checkpoint):
    return sorted((checkpoint.parents[3] / "images" / "test").rglob("*.jpeg"))


def rows(folder):
    with (folder / TABLE).open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_image_gets_a_picture_and_the_number_that_predict_gives(checkpoint, images, tmp_path):
    chosen = [images[0], images[-1]]
    words = [*map(str, chosen), "--ckpt_path", str(checkpoint), "--reject_ood", "false"]
    assert main(["explain", *words, "--out", "maps"]) == 0
    assert main(["predict", *words]) == 0
    table, predicted = rows(tmp_path / "maps"), read_predictions(tmp_path / "predictions.csv")
    assert [row["path"] for row in table] == list(predicted.path)
    np.testing.assert_allclose([float(row["logit"]) for row in table], predicted.logit, atol=1e-5)
    assert [row["decision"] for row in table] == list(predicted.decision)
    for row in table:
        pixels = np.asarray(Image.open(tmp_path / "maps" / row["picture"]).convert("RGB")).astype(int)
        assert min(pixels.shape[:2]) > 300
        # Images are grey, so any colour is that of maps and scales.
        assert (np.ptp(pixels, axis=2) > 40).mean() > 0.005


def test_unreadable_images_are_reported_and_the_others_explained(checkpoint, images, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"no image")
    (tmp_path / "x").mkdir()
    shutil.copy(images[0], tmp_path / "x" / images[1].name)
    paths = [images[1], tmp_path / "bad.png", tmp_path / "x" / images[1].name]
    assert explain(paths, checkpoint, method="gradcam", reject_ood=False) == 1
    assert f"cannot read {tmp_path / 'bad.png'}" in capsys.readouterr().err
    assert [row["picture"] for row in rows(tmp_path / "explanations")] == [
        f"{images[1].stem}.png",
        f"{images[1].stem}-2.png",
    ]
    # A second time, with another image: what was there is replaced.
    assert explain([images[2]], checkpoint, method="gradcam", reject_ood=False) == 0
    assert {entry.name for entry in (tmp_path / "explanations").iterdir()} == {TABLE, f"{images[2].stem}.png"}


def test_rejected_images_are_reported_with_exit_status_0(checkpoint, images, tmp_path, capsys, monkeypatch):
    predict, reasons = DecisionModel.__call__, iter(["does not look like a chest X-ray", ""])
    monkeypatch.setattr(
        DecisionModel,
        "__call__",
        lambda self, batch: [replace(one, reject_reason=next(reasons)) for one in predict(self, batch)],
    )
    assert explain(images[:2], checkpoint, method="gradcam", reject_ood=False) == 0
    assert f"rejected {images[0]}: does not look like" in capsys.readouterr().err
    assert [row["path"] for row in rows(tmp_path / "explanations")] == [str(images[1])]


def test_nothing_is_written_if_no_image_can_be_read(checkpoint, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="nothing was written"):
        explain([tmp_path / "bad.png"], checkpoint)
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.png"]


def test_rejects_a_folder_with_other_files_before_opening_the_model(images, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(UserError, match="not overwritten"):
        explain([images[0]], tmp_path / "no.ckpt", tmp_path / "mine")


def test_a_network_without_grad_cam_falls_back_and_says_so(capsys):
    both, one = Linear(np.zeros((SIZE, SIZE))), Linear(np.zeros((SIZE, SIZE)), has_grad_cam=False)
    assert choose_methods("both", both) == ["gradcam", "occlusion"]
    assert choose_methods("gradcam", both) == ["gradcam"]
    assert capsys.readouterr().out == ""
    assert choose_methods("both", one) == ["occlusion"]
    assert "no Grad-CAM" in capsys.readouterr().out
    assert choose_methods("occlusion", one) == ["occlusion"]
    with pytest.raises(UserError, match="--method occlusion"):
        choose_methods("gradcam", one)


def test_a_picture_states_its_limits(tmp_path):
    maps = [Explanation.of(method, np.eye(4)) for method in ("gradcam", "occlusion")]
    image = np.zeros((100, 400), np.uint8)
    prediction = ImagePrediction(1.5, 0.6789, "PNEUMONIA", "")
    figure = explanation_figure("$odd$ name.png", image, prediction, maps, make_manifest(threshold=0.4321))
    figure.savefig(tmp_path / "figure.png")
    said = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    for words in ("$odd$ name.png", "0.6789", "0.4321", "PNEUMONIA", "not a medical device", *CAVEATS.values()):
        assert words in said
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["Image", "Grad-CAM", "Occlusion"]
    ticks = [tick.get_text() for axes in figure.axes if axes.get_xlabel() for tick in axes.get_xticklabels()]
    assert ticks == ["-1", "0", "+1"] * 2
