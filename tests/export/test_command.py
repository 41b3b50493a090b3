"""From a checkpoint to one file, and what is rejected on the way."""

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


def export(checkpoint, out, *words):
    assert main(["export", str(checkpoint), "--out", str(out), *words]) == 0
    return out


@pytest.fixture(scope="module")
def onnx_file(cnn, tmp_path_factory):
    return export(cnn, tmp_path_factory.mktemp("onnx") / "model.onnx", "--license", "CC BY 4.0")


@pytest.mark.parametrize("kind", ["cnn", "timm"])
@pytest.mark.parametrize(("format", "name"), [("onnx", "m.onnx"), ("torch", "m.pt2")])
def test_an_export_answers_as_its_checkpoint(kind, format, name, tmp_path, request):
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
def test_the_file_resizes_by_itself(cnn, format, name, tmp_path):
    exported = open_predictor(export(cnn, tmp_path / name, "--format", format))
    files = images_of(cnn)
    raw = np.stack([read_image(path) for path in files])
    assert raw.shape[1:] == (48, 48)
    np.testing.assert_allclose(exported.logits(raw), open_predictor(cnn).logits(squares(cnn)), atol=1e-4)


def test_anyone_can_run_it_by_the_names_of_its_graph(onnx_file, cnn):
    model = onnx.load(onnx_file)
    onnx.checker.check_model(model)
    assert model.producer_name == "xray"
    assert "not a medical device" in model.doc_string
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).integers(0, 256, (2, 1, 300, 200), dtype=np.uint8)
    logit, probability = session.run(["logit", "probability"], {"images": image})
    manifest = open_predictor(cnn).manifest
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-logit / manifest.temperature)), rtol=1e-6)


def test_an_image_is_answered_alike_whatever_is_beside_it(onnx_file, cnn):
    exported, images = open_predictor(onnx_file), squares(cnn)
    alone = np.concatenate([exported.logits(image[None]) for image in images])
    np.testing.assert_allclose(exported.logits(images), alone, atol=1e-5)


def test_the_metadata_says_what_the_model_is(onnx_file, cnn):
    entries = {entry.key: entry.value for entry in onnx.load(onnx_file).metadata_props}
    told = json.loads(entries["xray"])
    checkpoint = torch.load(cnn, weights_only=True)
    split = json.loads(checkpoint["xray_data"])["splits"]["train"]
    assert told["license"] == "CC BY 4.0"
    assert told["class_names"] == ["NORMAL", "PNEUMONIA"]
    assert told["training"] == {"folder": "images", **split}
    assert told["temperature"] == float(checkpoint["state_dict"]["temperature"])
    assert told["threshold"] == float(checkpoint["state_dict"]["threshold"])
    assert told["ood"] == json.loads(checkpoint["xray_familiarity"])
    assert (told["image_size"], told["resize"], told["run"]) == (32, "stretch", "cnn/version_0")


def test_no_path_of_the_machine_is_in_the_file(onnx_file, cnn, tmp_path):
    for file in (onnx_file, export(cnn, tmp_path / "m.pt2", "--format", "torch")):
        content = file.read_bytes()
        assert str(cnn.parents[3]).encode() not in content
        assert b"site-packages" not in content


def test_int8_is_smaller_and_says_what_it_costs(cnn, tmp_path, capsys):
    single = export(cnn, tmp_path / "single.onnx")
    whole = export(cnn, tmp_path / "whole.onnx", "--precision", "int8")
    said = capsys.readouterr().out
    exported, trained = open_predictor(whole), open_predictor(cnn)
    measured = exported.manifest.measured
    assert measured["images"] == len(re.findall(",val,", (cnn.parents[3] / "logs/cnn/version_0/split.csv").read_text()))
    assert f"AUROC {measured['auroc_int8']:.4f} instead of {measured['auroc_fp32']:.4f}" in said
    assert measured["speed_of_one"] > 0
    images = squares(cnn)
    differences = np.abs(exported.logits(images) - trained.logits(images))
    assert 0 < differences.max() < 0.5 * np.ptp(trained.logits(images))
    assert exported.manifest.version == f"{trained.manifest.version}-int8"
    kinds = {node.op_type for node in onnx.load(whole).graph.node}
    assert "QuantizeLinear" in kinds
    assert "QuantizeLinear" not in {node.op_type for node in onnx.load(single).graph.node}


def test_an_export_that_differs_is_not_kept(cnn, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("xray.export.verify.LARGEST_DIFFERENCE", -1.0)
    assert main(["export", str(cnn), "--out", str(tmp_path / "m.onnx")]) == 1
    assert re.search(r"differs .* was not kept", capsys.readouterr().err)
    assert list(tmp_path.glob("*.onnx")) == []
    assert list(tmp_path.glob(".*")) == []


def test_without_an_exact_sum_there_is_no_grad_cam_but_logits(tmp_path):
    vit = tiny_run(tmp_path, "timm", "--model.backbone", "test_vit", "--data.image_size", "160")
    exported = open_predictor(export(vit, tmp_path / "m.onnx"))
    assert not exported.manifest.has_grad_cam
    images = np.zeros((1, 160, 160), np.uint8)
    np.testing.assert_allclose(exported.logits(images), open_predictor(vit).logits(images), atol=1e-4)


def test_what_is_no_export_is_never_written_over(cnn, tmp_path, capsys):
    notes = tmp_path / "notes.onnx"
    notes.write_text("keep")
    before = cnn.read_bytes()
    for out in (notes, cnn, tmp_path):
        assert main(["export", str(cnn), "--out", str(out)]) == 1
        assert str(out) in capsys.readouterr().err
    assert notes.read_text() == "keep"
    assert cnn.read_bytes() == before


def test_an_earlier_export_is_replaced(cnn, onnx_file, tmp_path):
    out = shutil.copy(onnx_file, tmp_path / "m.onnx")
    export(cnn, out, "--license", "other")
    assert open_predictor(out).manifest.license == "other"


def test_a_link_to_an_earlier_export_stays_a_link(cnn, onnx_file, tmp_path):
    shutil.copy(onnx_file, tmp_path / "earlier.onnx")
    (tmp_path / "link.onnx").symlink_to("earlier.onnx")
    before = (tmp_path / "earlier.onnx").stat().st_ino
    export(cnn, tmp_path / "link.onnx")
    assert (tmp_path / "link.onnx").is_symlink()
    assert (tmp_path / "earlier.onnx").stat().st_ino != before


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_an_earlier_export_of_another_version_is_replaced(cnn, tmp_path, format):
    out = export(cnn, tmp_path / "model", "--format", format)
    if format == "onnx":
        model = onnx.load(out, format="protobuf")
        model.metadata_props[0].value = "{}"
        onnx.save(model, out, format="protobuf")
    else:
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("archive/extra/xray.json", "{}")
    with pytest.raises(UserError, match="export it anew"):
        open_predictor(out)
    assert open_predictor(export(cnn, out, "--format", format)).manifest.format == format


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_what_is_exported_already_is_told(cnn, tmp_path, capsys, format):
    out = export(cnn, tmp_path / "model", "--format", format)
    assert main(["export", str(out)]) == 1
    assert f"{out} is exported already" in capsys.readouterr().err
    assert main(["test", "--ckpt_path", str(out)]) == 1
    assert f"{out} is no checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_a_disk_that_is_full_is_told_and_nothing_is_left(cnn, tmp_path, capsys, monkeypatch, format):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr("xray.export.write.onnx.save", full)
    out = tmp_path / "out" / "m"
    assert main(["export", str(cnn), "--format", format, "--out", str(out)]) == 1
    assert f"{out} cannot be written (No space left on device)" in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []


def test_images_other_than_those_of_the_training_are_told(cnn, tmp_path, capsys):
    root = make_images(tmp_path / "images", patients={"train": (20, 20), "val": (2, 2)}, seed=9)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for folder, reason in (
        (root, "other validation images"),
        (tmp_path / "empty", "No folder train"),
        (tmp_path / "file", "is no folder"),
        (tmp_path / "gone", "is not there"),
    ):
        assert main(["export", str(cnn), "--data_root", str(folder), "--out", str(tmp_path / "m.onnx")]) == 1
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert reason in told
        assert str(folder) in told
        assert "--data_root DIR" in told
    assert not (tmp_path / "m.onnx").exists()


def test_by_default_it_lies_beside_its_checkpoint(cnn, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(cnn.parents[3], folder)
    monkeypatch.chdir(folder)
    assert main(["export", "--format", "torch"]) == 0
    assert (folder / "checkpoints/cnn/version_0/best.pt2").is_file()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere"], "nowhere"),
        (["{cnn}", "--format", "torch", "--precision", "int8"], "--precision int8"),
        (["{cnn}", "--format", "onxx"], "format"),
        (["{cnn}", "--data_root", "gone"], "gone"),
        (["{cnn}", "--out", "/proc/m.onnx"], "/proc/m.onnx"),
    ],
)
def test_mistakes_are_told_in_one_line(cnn, words, complaint, capsys):
    assert main(["export", *(word.format(cnn=cnn) for word in words)]) in {1, 2}
    said = capsys.readouterr().err.strip().splitlines()
    assert complaint in said[-1]
    assert said[-1].startswith("xray: error:")


def test_a_torch_file_needs_nothing_of_this_program(cnn, tmp_path):
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
