"""Which files are accepted as a model."""

import zipfile

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto, helper

from xray.models.cnn import CNNClassifier
from xray.predictor.open import open_predictor
from xray.runs.checkpoint import CONFIG_KEY
from xray.utils.errors import UserError


def test_rejects_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        open_predictor(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("content", "name"), [(b"text", "m.onnx"), (bytes(range(256)) * 50, "m.ckpt"), (b"\x08\x0a", "m")]
)
def test_rejects_other_files_in_one_line(content, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match="is not a model of xray") as caught:
        open_predictor(tmp_path / name)
    assert "\n" not in str(caught.value)


def other_model():
    """Return an ONNX model that is not of xray."""
    value = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["images"], ["logit"])], "g", [value], [out])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_rejects_an_onnx_model_of_another_program(tmp_path):
    onnx.save(other_model(), tmp_path / "m.onnx")
    with pytest.raises(UserError, match="is not a model of xray"):
        open_predictor(tmp_path / "m.onnx")


@pytest.mark.parametrize("members", [["notes"], ["m/archive_format"], ["m/archive_format", "m/extra/xray.json"]])
def test_rejects_other_archives_without_log_output(members, tmp_path, capfd):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        for name in members:
            archive.writestr(name, "pt2")
    with pytest.raises(UserError, match=r"is not a model of xray|torch cannot read its graph"):
        open_predictor(tmp_path / "m.zip")
    assert "".join(capfd.readouterr()) == ""


def test_rejects_a_manifest_of_another_version(tmp_path):
    model = other_model()
    model.metadata_props.add(key="xray", value='{"format": "onnx"}')
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(UserError, match="export it again"):
        open_predictor(tmp_path / "m.onnx")


def test_rejects_a_torch_export_without_manifest(tmp_path):
    program = torch.export.export(torch.nn.Linear(2, 1), (torch.zeros(1, 2),))
    torch.export.save(program, tmp_path / "m.pt2")
    with pytest.raises(UserError, match="is not a model of xray"):
        open_predictor(tmp_path / "m.pt2")


def test_checkpoint_without_torch_says_what_to_do(tmp_path, monkeypatch):
    torch.save({"a": torch.zeros(1)}, tmp_path / "m.ckpt")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(UserError, match="python -m xray export"):
        open_predictor(tmp_path / "m.ckpt")


def test_says_of_a_checkpoint_whose_training_diverged_that_its_weights_are_nan(tmp_path):
    model = CNNClassifier(widths=(8, 8))
    torch.nn.init.constant_(next(model.parameters()), float("nan"))
    config = {
        "model": {"class_path": "xray.models.cnn.CNNClassifier", "init_args": {"widths": [8, 8]}},
        "data": {"root": "images", "image_size": 32},
    }
    torch.save({"state_dict": model.state_dict(), CONFIG_KEY: yaml.safe_dump(config)}, tmp_path / "best.ckpt")
    with pytest.raises(UserError, match=r"best.ckpt cannot be used: its weights are NaN. Training diverged"):
        open_predictor(tmp_path / "best.ckpt")


def test_predicts_any_number_of_images(checkpoint):
    predictor = open_predictor(checkpoint)
    images = np.random.default_rng(0).integers(0, 256, (70, 32, 32), dtype=np.uint8)
    together = predictor.logits(images)
    assert together.shape == (70,)
    np.testing.assert_allclose(together[[0, 35, 69]], predictor.logits(images[[0, 35, 69]]), atol=1e-5)
    assert predictor.grad_cam(images[:1]).shape == (1, 4, 4)
