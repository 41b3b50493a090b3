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
from tests.tiny import tiny_run

from xray.cli import main
from xray.data.decode.image import load_image, read_image
from xray.predictor.open import open_predictor
from xray.utils.errors import UserError


def images_of(checkpoint):
    return sorted((checkpoint.parents[3] / "images" / "test").rglob("*.jpeg"))


def squares(checkpoint):
    size = open_predictor(checkpoint).manifest.image_size
    return np.stack([load_image(path, size, "stretch") for path in images_of(checkpoint)])


def export(checkpoint, out, *args):
    assert main(["export", str(checkpoint), "--out", str(out), *args]) == 0
    return out


@pytest.fixture(scope="module")
def onnx_file(cnn, tmp_path_factory):
    return export(cnn, tmp_path_factory.mktemp("onnx") / "model.onnx", "--license", "CC BY 4.0")


@pytest.mark.parametrize("kind", ["cnn", "timm"])
@pytest.mark.parametrize(("format", "name"), [("onnx", "m.onnx"), ("torch", "m.pt2")])
def test_export_predicts_as_its_checkpoint(kind, format, name, tmp_path, request):
    checkpoint = request.getfixturevalue(kind)
    exported = open_predictor(export(checkpoint, tmp_path / name, "--format", format))
    trained = open_predictor(checkpoint)
    images = squares(checkpoint)
    np.testing.assert_allclose(exported.logits(images), trained.logits(images), atol=1e-4)
    np.testing.assert_allclose(exported.grad_cam(images), trained.grad_cam(images), atol=1e-4)
    assert np.ptp(trained.logits(images)) > 1e-3
    assert exported.manifest.version == trained.manifest.version
    assert exported.manifest.format == format


@pytest.mark.parametrize(("format", "name"), [("onnx", "m.onnx"), ("torch", "m.pt2")])
def test_exported_file_resizes_images(cnn, format, name, tmp_path):
    exported = open_predictor(export(cnn, tmp_path / name, "--format", format))
    files = images_of(cnn)
    raw = np.stack([read_image(path) for path in files])
    assert raw.shape[1:] == (48, 48)
    np.testing.assert_allclose(exported.logits(raw), open_predictor(cnn).logits(squares(cnn)), atol=1e-4)


def test_onnx_file_runs_without_xray(onnx_file, cnn):
    model = onnx.load(onnx_file)
    onnx.checker.check_model(model)
    assert model.producer_name == "xray"
    assert "not a medical device" in model.doc_string
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (2, 1, 300, 200), dtype=np.uint8)
    logit, probability = session.run(["logit", "probability"], {"images": image})
    manifest = open_predictor(cnn).manifest
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-logit / manifest.temperature)), rtol=1e-6)


def test_logits_do_not_depend_on_the_batch(onnx_file, cnn):
    exported, images = open_predictor(onnx_file), squares(cnn)
    alone = np.concatenate([exported.logits(image[None]) for image in images])
    np.testing.assert_allclose(exported.logits(images), alone, atol=1e-5)


def test_metadata_describes_the_model(onnx_file, cnn):
    entries = {entry.key: entry.value for entry in onnx.load(onnx_file).metadata_props}
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


def test_file_contains_no_paths_of_the_machine(onnx_file, cnn, tmp_path):
    for file in (onnx_file, export(cnn, tmp_path / "m.pt2", "--format", "torch")):
        content = file.read_bytes()
        assert str(cnn.parents[3]).encode() not in content
        assert b"site-packages" not in content


def test_int8_reports_its_loss_and_gain(cnn, tmp_path, capsys):
    single = export(cnn, tmp_path / "single.onnx")
    whole = export(cnn, tmp_path / "whole.onnx", "--precision", "int8")
    output = capsys.readouterr().out
    exported, trained = open_predictor(whole), open_predictor(cnn)
    measured = exported.manifest.measured
    assert measured["images"] == len(re.findall(",val,", (cnn.parents[3] / "logs/cnn/version_0/split.csv").read_text()))
    assert f"AUROC {measured['auroc_int8']:.4f} instead of {measured['auroc_fp32']:.4f}" in output
    assert measured["speed_of_one"] > 0
    images = squares(cnn)
    differences = np.abs(exported.logits(images) - trained.logits(images))
    assert 0 < differences.max() < 0.5 * np.ptp(trained.logits(images))
    assert exported.manifest.version == f"{trained.manifest.version}-int8"
    kinds = {node.op_type for node in onnx.load(whole).graph.node}
    assert "QuantizeLinear" in kinds
    assert "QuantizeLinear" not in {node.op_type for node in onnx.load(single).graph.node}


def test_rejects_an_export_that_differs(cnn, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("xray.export.verify.MAX_DIFFERENCE", -1.0)
    assert main(["export", str(cnn), "--out", str(tmp_path / "m.onnx")]) == 1
    assert re.search(r"differs .* was not kept", capsys.readouterr().err)
    assert list(tmp_path.glob("*.onnx")) == []
    assert list(tmp_path.glob(".*")) == []


def test_transformer_is_exported_without_grad_cam(tmp_path):
    vit = tiny_run(tmp_path, "timm", "--model.backbone", "test_vit", "--data.image_size", "160")
    exported = open_predictor(export(vit, tmp_path / "m.onnx"))
    assert not exported.manifest.has_grad_cam
    images = np.zeros((1, 160, 160), np.uint8)
    np.testing.assert_allclose(exported.logits(images), open_predictor(vit).logits(images), atol=1e-4)


def test_does_not_overwrite_other_files(cnn, tmp_path, capsys):
    notes = tmp_path / "notes.onnx"
    notes.write_text("keep")
    before = cnn.read_bytes()
    for out in (notes, cnn, tmp_path):
        assert main(["export", str(cnn), "--out", str(out)]) == 1
        assert str(out) in capsys.readouterr().err
    assert notes.read_text() == "keep"
    assert cnn.read_bytes() == before


def test_replaces_an_earlier_export(cnn, onnx_file, tmp_path):
    out = shutil.copy(onnx_file, tmp_path / "m.onnx")
    export(cnn, out, "--license", "other")
    assert open_predictor(out).manifest.license == "other"


def test_link_to_an_earlier_export_stays_a_link(cnn, onnx_file, tmp_path):
    shutil.copy(onnx_file, tmp_path / "earlier.onnx")
    (tmp_path / "link.onnx").symlink_to("earlier.onnx")
    before = (tmp_path / "earlier.onnx").stat().st_ino
    export(cnn, tmp_path / "link.onnx")
    assert (tmp_path / "link.onnx").is_symlink()
    assert (tmp_path / "earlier.onnx").stat().st_ino != before


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_replaces_an_export_of_another_version(cnn, tmp_path, format):
    out = export(cnn, tmp_path / "model", "--format", format)
    if format == "onnx":
        model = onnx.load(out, format="protobuf")
        model.metadata_props[0].value = "{}"
        onnx.save(model, out, format="protobuf")
    else:
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("archive/extra/xray.json", "{}")
    with pytest.raises(UserError, match="export it again"):
        open_predictor(out)
    assert open_predictor(export(cnn, out, "--format", format)).manifest.format == format


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_rejects_an_exported_model_as_input(cnn, tmp_path, capsys, format):
    out = export(cnn, tmp_path / "model", "--format", format)
    assert main(["export", str(out)]) == 1
    assert f"{out} is already an exported model" in capsys.readouterr().err
    assert main(["test", "--ckpt_path", str(out)]) == 1
    assert f"{out} is not a checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_full_disk_leaves_no_files(cnn, tmp_path, capsys, monkeypatch, format):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr("xray.export.write.onnx.save", full)
    out = tmp_path / "out" / "m"
    assert main(["export", str(cnn), "--format", format, "--out", str(out)]) == 1
    assert f"{out} cannot be written (No space left on device)" in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []


def test_rejects_other_data_than_that_of_the_training(cnn, tmp_path, capsys):
    root = make_images(tmp_path / "images", patients={"train": (20, 20), "val": (2, 2)}, seed=9)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for folder, reason in (
        (root, "other validation images"),
        (tmp_path / "empty", "No folder train"),
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "gone", "does not exist"),
    ):
        assert main(["export", str(cnn), "--data_root", str(folder), "--out", str(tmp_path / "m.onnx")]) == 1
        message = capsys.readouterr().err.strip().splitlines()[-1]
        assert reason in message
        assert str(folder) in message
        assert "--data_root DIR" in message
    assert not (tmp_path / "m.onnx").exists()


def test_default_path_is_next_to_the_checkpoint(cnn, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(cnn.parents[3], folder)
    monkeypatch.chdir(folder)
    assert main(["export", "--format", "torch"]) == 0
    assert (folder / "checkpoints/cnn/version_0/best.pt2").is_file()


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["nowhere"], "nowhere"),
        (["{cnn}", "--format", "torch", "--precision", "int8"], "--precision int8"),
        (["{cnn}", "--format", "onxx"], "format"),
        (["{cnn}", "--data_root", "gone"], "gone"),
        (["{cnn}", "--out", "/proc/m.onnx"], "/proc/m.onnx"),
    ],
)
def test_errors_are_one_line(cnn, args, complaint, capsys):
    assert main(["export", *(arg.format(cnn=cnn) for arg in args)]) in {1, 2}
    output = capsys.readouterr().err.strip().splitlines()
    assert complaint in output[-1]
    assert output[-1].startswith("xray: error:")


def test_torch_file_runs_without_xray(cnn, tmp_path):
    out = export(cnn, tmp_path / "m.pt2", "--format", "torch")
    code = (
        "import sys, torch\n"
        f"module = torch.export.load({str(out)!r}).module()\n"
        "print(float(module(torch.zeros(1, 1, 50, 60, dtype=torch.uint8))[0]))\n"
        "assert not {'xray', 'lightning', 'timm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    black = np.zeros((1, 32, 32), np.uint8)
    assert float(done.stdout) == pytest.approx(open_predictor(cnn).logits(black)[0], abs=1e-4)
