"""Commands without their optional dependencies, and the core without any."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEGLosslessSV1
from tests.data.dicoms import write_dicom

from xray.cli import main

CNN = Path(__file__).parents[2] / "configs" / "cnn.yaml"
EXTRAS = {
    "dicom": ["pydicom", "imagecodecs"],
    "export": ["onnx", "onnxscript", "onnxruntime"],
    "serve": ["fastapi", "starlette", "uvicorn", "python_multipart", "prometheus_client", "onnxruntime"],
}


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (64, 64)).save("image.png")
    Path("model.onnx").write_bytes(b"a model")
    for name in ("NORMAL", "PNEUMONIA"):
        for i in range(2):
            pixels = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
            write_dicom(Path("images/test", name, f"{i}.dcm"), pixels, syntax=JPEGLosslessSV1, PatientID=f"{name}{i}")


@pytest.mark.parametrize(
    ("extra", "missing", "args"),
    [
        *(("export", module, ["export"]) for module in EXTRAS["export"]),
        *(("serve", module, ["serve"]) for module in EXTRAS["serve"] if module != "starlette"),
        ("export", "onnxruntime", ["predict", "image.png", "--ckpt_path", "model.onnx"]),
        ("dicom", "pydicom", ["audit", "images"]),
    ],
)
def test_missing_extra_is_named_in_one_line(monkeypatch, capsys, extra, missing, args):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(args) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xray: error: ")]
    assert line.endswith(f"needs the extra '{extra}': pip install '.[{extra}]' in the checkout of xray")


def test_audit_names_the_extra_for_compressed_dicom(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert main(["audit", "images"]) == 1
    assert (
        "reading DICOM needs the extra 'dicom': pip install '.[dicom]' in the checkout of xray"
        in capsys.readouterr().out
    )


def test_other_missing_module_is_named(monkeypatch, capsys):
    def fail() -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("xray.predictor.command.predict", fail)
    assert main(["predict"]) == 1
    message = "predict needs torch, which is not installed: pip install . in the checkout of xray"
    assert capsys.readouterr().err == f"xray: error: {message}\n"


def test_core_runs_without_extras():
    blocked = sorted({module for modules in EXTRAS.values() for module in modules})
    options = ["--data.root", "data", "--data.image_size", "32", "--model.widths", "[8,8]", "--trainer.max_epochs", "1"]
    commands = [
        ["synth", "data", "--patients", "40", "--size", "48"],
        ["fit", "--config", str(CNN), *options, "--trainer.accelerator", "cpu"],
        ["test"],
        ["export", "--format", "torch"],
        ["audit", "--help"],
        ["compare", "--help"],
        ["predict", "data/test"],
        ["serve", "--help"],
        ["export", "--help"],
    ]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked}))\n"
        "from xray.cli import main\n"
        f"for args in {commands}: print('STATUS', main(args), args)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    statuses = [line for line in done.stdout.splitlines() if line.startswith("STATUS")]
    assert len(statuses) == len(commands)
    assert all(line.startswith("STATUS 0 ") for line in statuses), statuses + done.stderr.splitlines()[-3:]
