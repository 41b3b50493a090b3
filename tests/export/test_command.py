"""Exporting a checkpoint, and the errors."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tests.conftest import make_images
from tests.tiny_runs import tiny_run

from xray.cli import main
from xray.data.decode.image import load_image, read_image
from xray.predictor.open import open_predictor
from xray.utils.errors import UserError

FORMATS = pytest.mark.parametrize("format", ["onnx", "torch"])


def images_of(checkpoint):
    return sorted((checkpoint.parents[3] / "images" / "test").rglob("*.jpeg"))


def squares(checkpoint):
    size = open_predictor(checkpoint).manifest.image_size
    return np.stack([load_image(path, size, "stretch") for path in images_of(checkpoint)])


@pytest.mark.parametrize(("kind", "format"), [("cnn", "onnx"), ("cnn", "torch"), ("timm", "onnx")])
def test_export_predicts_as_its_checkpoint(kind, format, exported, request):
    checkpoint = request.getfixturevalue(kind)
    ours, trained = open_predictor(exported(checkpoint, format)), open_predictor(checkpoint)
    images = squares(checkpoint)
    np.testing.assert_allclose(ours.logits(images), trained.logits(images), atol=1e-4)
    np.testing.assert_allclose(ours.grad_cam(images), trained.grad_cam(images), atol=1e-4)
    assert np.ptp(trained.logits(images)) > 1e-3
    assert ours.manifest.version == trained.manifest.version
    assert ours.manifest.format == format


@FORMATS
def test_exported_file_resizes_images(cnn, exported, format):
    raw = np.stack([read_image(path) for path in images_of(cnn)])
    assert raw.shape[1:] == (48, 48)
    logits = open_predictor(exported(cnn, format)).logits(raw)
    np.testing.assert_allclose(logits, open_predictor(cnn).logits(squares(cnn)), atol=1e-4)


def test_onnx_file_runs_without_xray(exported, cnn):
    file = exported(cnn, "onnx")
    model = onnx.load(file)
    onnx.checker.check_model(model)
    assert model.producer_name == "xray"
    assert "not a medical device" in model.doc_string
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (2, 1, 300, 200), dtype=np.uint8)
    logit, probability = session.run(["logit", "probability"], {"images": image})
    manifest = open_predictor(cnn).manifest
    np.testing.assert_allclose(
        probability, 1 / (1 + np.exp(-logit / manifest.temperature - manifest.offset)), rtol=1e-6
    )


def test_torch_file_runs_without_xray(exported, cnn):
    code = (
        "import sys, torch\n"
        f"module = torch.export.load({str(exported(cnn, 'torch'))!r}).module()\n"
        "print(float(module(torch.zeros(1, 1, 50, 60, dtype=torch.uint8))[0]))\n"
        "assert not {'xray', 'lightning', 'timm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    black = np.zeros((1, 32, 32), np.uint8)
    assert float(done.stdout) == pytest.approx(open_predictor(cnn).logits(black)[0], abs=1e-4)


def test_logits_do_not_depend_on_the_batch(exported, cnn):
    predictor, images = open_predictor(exported(cnn, "onnx")), squares(cnn)
    alone = np.concatenate([predictor.logits(image[None]) for image in images])
    np.testing.assert_allclose(predictor.logits(images), alone, atol=1e-5)


def test_metadata_describes_the_model(exported, cnn):
    entries = {entry.key: entry.value for entry in onnx.load(exported(cnn, "onnx")).metadata_props}
    metadata = json.loads(entries["xray"])
    checkpoint = torch.load(cnn, weights_only=True)
    split = json.loads(checkpoint["xray_data"])["splits"]["train"]
    assert metadata["license"] == "CC BY 4.0"
    assert metadata["class_names"] == ["NORMAL", "PNEUMONIA"]
    assert metadata["training"] == {"folder": "images", **split}
    assert metadata["temperature"] == float(checkpoint["state_dict"]["temperature"])
    assert metadata["threshold"] == float(checkpoint["state_dict"]["threshold"])
    assert metadata["ood"] == json.loads(checkpoint["xray_ood"])
    assert (metadata["image_size"], metadata["resize"], metadata["run"]) == (32, "stretch", "cnn/version_0")


@FORMATS
def test_file_contains_no_paths_of_the_machine(exported, cnn, format):
    content = exported(cnn, format).read_bytes()
    assert str(cnn.parents[3]).encode() not in content
    assert b"site-packages" not in content


def test_int8_reports_its_loss_and_gain_and_lies_next_to_the_checkpoint(cnn, tmp_path, capsys, monkeypatch):
    shutil.copytree(cnn.parents[3], tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    assert main(["export", "--precision", "int8"]) == 0
    output = capsys.readouterr().out
    out = Path("checkpoints/cnn/version_0/best.int8.onnx")
    quantised, trained = open_predictor(out), open_predictor(cnn)
    measured = quantised.manifest.measured
    assert measured["images"] == len(re.findall(",val,", Path("logs/cnn/version_0/split.csv").read_text()))
    assert f"AUROC {measured['auroc_int8']:.4f} instead of {measured['auroc_fp32']:.4f}" in output
    assert measured["speed_of_one"] > 0
    images = squares(cnn)
    differences = np.abs(quantised.logits(images) - trained.logits(images))
    assert 0 < differences.max() < 0.5 * np.ptp(trained.logits(images))
    assert quantised.manifest.version == f"{trained.manifest.version}-int8"
    assert f"{quantised.manifest.version})" in output
    assert "Verified before quantisation: " in output
    assert "QuantizeLinear" in {node.op_type for node in onnx.load(out).graph.node}


def test_rejects_an_export_that_differs(cnn, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("xray.export.verify.MAX_DIFFERENCE", -1.0)
    assert main(["export", str(cnn), "--format", "torch", "--out", str(tmp_path / "out" / "m.pt2")]) == 1
    assert re.search(r"differs .* was not kept", capsys.readouterr().err)
    assert list((tmp_path / "out").iterdir()) == []


def test_transformer_is_exported_without_grad_cam(exported, tmp_path):
    vit = tiny_run(tmp_path, "timm", "--model.backbone", "test_vit", "--data.image_size", "160")
    predictor = open_predictor(exported(vit, "onnx"))
    assert not predictor.manifest.has_grad_cam
    images = np.zeros((1, 160, 160), np.uint8)
    np.testing.assert_allclose(predictor.logits(images), open_predictor(vit).logits(images), atol=1e-4)


def test_does_not_overwrite_other_files(cnn, tmp_path, capsys):
    notes = tmp_path / "notes.onnx"
    notes.write_text("keep")
    before = cnn.read_bytes()
    for out in (notes, cnn, tmp_path):
        assert main(["export", str(cnn), "--out", str(out)]) == 1
        assert str(out) in capsys.readouterr().err
    assert notes.read_text() == "keep"
    assert cnn.read_bytes() == before


def test_replaces_an_export_of_another_version_through_its_link(cnn, exported, tmp_path):
    earlier, link = tmp_path / "earlier", tmp_path / "link"
    model = onnx.load(exported(cnn, "onnx"))
    model.metadata_props[0].value = "{}"
    onnx.save(model, earlier, format="protobuf")
    link.symlink_to("earlier")
    with pytest.raises(UserError, match="export it again"):
        open_predictor(earlier)
    with zipfile.ZipFile(earlier, "w") as archive:
        archive.writestr("archive/extra/xray.json", "{}")
    with pytest.raises(UserError, match="export it again"):
        open_predictor(earlier)
    assert main(["export", str(cnn), "--format", "torch", "--out", str(link)]) == 0
    assert open_predictor(earlier).manifest.format == "torch"
    assert link.is_symlink()


@FORMATS
def test_rejects_an_exported_model_as_input(cnn, exported, capsys, format):
    file = exported(cnn, format)
    assert main(["export", str(file)]) == 1
    assert f"{file} is already an exported model" in capsys.readouterr().err
    assert main(["test", "--ckpt_path", str(file)]) == 1
    assert f"{file} is not a checkpoint" in capsys.readouterr().err


def test_full_disk_leaves_no_files(cnn, tmp_path, capsys, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    out = tmp_path / "out" / "m"
    assert main(["export", str(cnn), "--format", "torch", "--out", str(out)]) == 1
    assert f"{out} cannot be written (No space left on device)" in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []


def test_rejects_other_data_than_that_of_the_training(cnn, tmp_path, capsys):
    root = make_images(tmp_path / "images", patients={"train": (20, 20), "val": (2, 2)}, seed=9)
    (tmp_path / "empty").mkdir()
    for folder, reason in (
        (root, "other validation images"),
        (tmp_path / "empty", "No folder train"),
        (tmp_path / "gone", "does not exist"),
    ):
        assert main(["export", str(cnn), "--data_root", str(folder), "--out", str(tmp_path / "m.onnx")]) == 1
        message = capsys.readouterr().err.strip().splitlines()[-1]
        assert reason in message
        assert str(folder) in message
        assert "--data_root DIR" in message
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["nowhere"], "nowhere"),
        (["{cnn}", "--format", "torch", "--precision", "int8"], "--precision int8"),
        (["{cnn}", "--format", "onxx"], "format"),
        (["{cnn}", "--out", "/proc/m.onnx"], "/proc/m.onnx"),
    ],
)
def test_errors_are_one_line(cnn, args, complaint, capsys):
    assert main(["export", *(arg.format(cnn=cnn) for arg in args)]) in {1, 2}
    output = capsys.readouterr().err.strip().splitlines()
    assert complaint in output[-1]
    assert output[-1].startswith("xray: error:")
