"""Tiny runs to export."""

import pytest
from tests.tiny import tiny_run

# Images large enough for a map of several cells, and a learning rate high enough for different logits.
LEARNING = ["--data.image_size", "64", "--model.optimizer.init_args.lr", "0.05", "--model.head_epochs", "0"]


@pytest.fixture(scope="session")
def cnn(tmp_path_factory):
    """Return the best checkpoint of a tiny CNN with Grad-CAM and an OOD detector."""
    return tiny_run(tmp_path_factory.mktemp("cnn"))


@pytest.fixture(scope="session")
def timm(tmp_path_factory):
    """Return the best checkpoint of a tiny timm backbone."""
    return tiny_run(tmp_path_factory.mktemp("timm"), "timm", *LEARNING)
