"""Tiny runs, and their exports."""

import functools

import pytest
from tests.tiny_runs import tiny_run

from xray.cli import main

# Images large enough for a map of several cells, and a learning rate high enough for different logits.
LEARNING = ["--data.image_size", "64", "--model.optimizer.init_args.lr", "0.05", "--model.head_epochs", "0"]
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}


@pytest.fixture(scope="session")
def cnn(tmp_path_factory):
    """Return the best checkpoint of a tiny CNN with Grad-CAM and an OOD detector."""
    return tiny_run(tmp_path_factory.mktemp("cnn"))


@pytest.fixture(scope="session")
def timm(tmp_path_factory):
    """Return the best checkpoint of a tiny timm backbone."""
    return tiny_run(tmp_path_factory.mktemp("timm"), "timm", *LEARNING)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Return a function that exports a checkpoint once per format; its files must not be changed."""

    @functools.cache
    def export(checkpoint, format):
        out = tmp_path_factory.mktemp(format) / f"model{SUFFIXES[format]}"
        assert main(["export", str(checkpoint), "--format", format, "--out", str(out), "--license", "CC BY 4.0"]) == 0
        return out

    return export
