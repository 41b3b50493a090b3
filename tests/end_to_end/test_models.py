"""Networks and weights that the user brings."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.end_to_end.commands import BEST, CNN, fit, run
from tests.tiny_runs import FAST

NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, width: int = 4):
        super().__init__(nn.Conv2d(3, width, 5, 2), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(width, 1))
"""


@pytest.fixture
def own_network() -> Iterator[None]:
    Path("my.py").write_text(NETWORK)
    yield
    sys.modules.pop("my", None)


def test_network_alone_describes_a_model(images: Path, own_network: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.yaml").write_text("model:\n  network:\n    class_path: my.Net\n    init_args: {width: 6}\n")
    run(
        "fit",
        "--config",
        "my.yaml",
        "--data.root",
        images,
        *FAST,
        "--trainer.fast_dev_run",
        1,
        "--model.in_channels",
        3,
    )
    # Over a config of another model its class has to be named.
    options = ("--data.root", images, *FAST, "--trainer.fast_dev_run", 1, "--model.in_channels", 3)
    run("fit", "--config", CNN, "--model", "ImageClassifier", "--model.network", "my.Net", *options)
    capsys.readouterr()
    with pytest.raises(AssertionError):
        run("fit", "--config", CNN, "--model.network", "my.Net", *options)
    assert "--model ImageClassifier" in capsys.readouterr().err


def test_continues_from_the_weights_of_another_run(
    trained: None, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # At this rate the weights hardly move.
    slow = ("--model.weights", BEST, "--model.scheduler", "null", "--model.optimizer.lr", 1e-7)
    fit(images, *slow, epochs=1)
    assert "tensors loaded; prefix network. taken off" in capsys.readouterr().out
    run("test")
    first, second = (
        torch.load(path, weights_only=True)["state_dict"]["network.head.3.weight"]
        for path in (BEST, Path("checkpoints/cnn/version_1/best.ckpt"))
    )
    torch.testing.assert_close(first, second, atol=1e-4, rtol=0)
