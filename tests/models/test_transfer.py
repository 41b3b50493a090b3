"""Which parts of a backbone are trained, in which epoch and at which rate."""

import pytest
import timm
import torch
from lightning.pytorch import Callback
from tests.models.conftest import TinyData
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ConstantLR

from xray.models.transfer import TransferClassifier
from xray.models.weights_file import read_weights
from xray.utils.errors import UserError

HEADS = {"test_resnet": "fc", "test_vit": "head", "test_efficientnet": "classifier"}
FIRST = {
    "test_resnet": "conv1.0.weight",
    "test_vit": "patch_embed.proj.weight",
    "test_efficientnet": "conv_stem.weight",
}


def sgd(groups):
    """Return an optimiser that changes every parameter with a gradient."""
    return SGD(groups, lr=0.1)


def constant(optimizer):
    return ConstantLR(optimizer, factor=1.0)


def classifier(backbone="test_resnet", **options):
    torch.manual_seed(0)
    options = {"pretrained": False, "optimizer": sgd, "scheduler": constant} | options
    return TransferClassifier(backbone, **options)


class Learning(Callback):
    """Record which tensors of the network changed in each epoch."""

    def __init__(self):
        self.changed = {}

    def on_train_epoch_start(self, trainer, pl_module):
        self._before = {name: tensor.clone() for name, tensor in pl_module.network.state_dict().items()}

    # Lightning calls no epoch start in the first epoch after a resume.
    on_train_start = on_train_epoch_start

    def on_train_epoch_end(self, trainer, pl_module):
        after = pl_module.network.state_dict()
        self.changed[trainer.current_epoch] = {
            name for name in after if not torch.equal(after[name], self._before[name])
        }


@pytest.fixture
def learn(trainer):
    """Train on tiny images; returns the changed tensors of each epoch and the trainer."""

    def run(model, epochs, checkpoint=None, **options):
        learning = Learning()
        fitting = trainer(max_epochs=epochs, callbacks=[learning, *options.pop("callbacks", [])], **options)
        fitting.fit(model, TinyData(), ckpt_path=checkpoint, weights_only=False)
        return learning.changed, fitting

    return run


def trained(model, changed):
    """Return the parameters among the changed tensors."""
    return changed & dict(model.network.named_parameters()).keys()


@pytest.mark.parametrize("backbone", HEADS)
def test_head_is_trained_first_then_the_backbone_from_the_top(learn, backbone):
    model = classifier(backbone, head_epochs=2, unfreeze_stages=2)
    changed, _ = learn(model, 5)
    head = {f"{HEADS[backbone]}.weight", f"{HEADS[backbone]}.bias"}
    everything = set(dict(model.network.named_parameters()))
    assert changed[0] == changed[1] == head
    assert head < trained(model, changed[2]) < everything
    assert FIRST[backbone] not in changed[2]
    assert changed[2] < changed[3]
    assert FIRST[backbone] in changed[3]
    assert trained(model, changed[3]) == trained(model, changed[4])
    # A few tensors may have no gradient, such as the bias of attention's keys.
    assert len(trained(model, changed[3])) >= 0.9 * len(everything)


def test_unfreezes_parts_of_equal_depth_one_by_one(learn):
    model = classifier("test_vit", head_epochs=0, unfreeze_stages=4)
    changed, _ = learn(model, 5)
    blocks = [{int(name.split(".")[1]) for name in changed[epoch] if name.startswith("blocks.")} for epoch in range(4)]
    depth = len(model.network.blocks)
    for unfrozen, trained_blocks in enumerate(blocks, start=1):
        assert trained_blocks == set(range(depth - len(trained_blocks), depth))
        assert len(trained_blocks) == pytest.approx(unfrozen / 4 * depth, abs=1)
    assert changed[3] == changed[4] > changed[2] > changed[1] > changed[0]


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet", "test_vit", "test_convnext"])
def test_stages_contain_each_backbone_parameter_once(backbone):
    model = classifier(backbone, unfreeze_stages=3)
    stages = model.backbone_stages()
    names = [name for stage in stages for name in stage]
    assert len(stages) == 3
    assert all(stages)
    assert len(names) == len(set(names))
    head = {name for name in dict(model.network.named_parameters()) if name not in names}
    assert {name.rpartition(".")[2] for name in head} == {"weight", "bias"}
    assert len(head) == 2
    assert next(iter(model.network.state_dict())) in stages[0]


def test_one_stage_unfreezes_all_at_once(learn):
    changed, _ = learn(classifier(head_epochs=1, unfreeze_stages=1), 2)
    assert changed[0] == {"fc.weight", "fc.bias"}
    assert FIRST["test_resnet"] in changed[1]


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet"])
def test_frozen_batch_norm_keeps_its_statistics(learn, backbone):
    # Also after a validation in the middle of an epoch.
    model = classifier(backbone, head_epochs=1, unfreeze_stages=2)
    changed, _ = learn(model, 3, val_check_interval=0.5)
    statistics = [name for name in model.network.state_dict() if "running_" in name]
    moved = [[name for name in statistics if name in changed[epoch]] for epoch in range(3)]
    assert moved[0] == []
    # The state dict is ordered by depth.
    assert 0 < len(moved[1]) < len(statistics)
    assert moved[1] == statistics[-len(moved[1]) :]
    assert moved[2] == statistics
    # Statistics change in every layer whose weights are trained.
    weight_of = {name: f"{name.rpartition('.')[0]}.weight" for name in statistics}
    assert {name for name in statistics if weight_of[name] in changed[1]} <= set(moved[1])


class SaveAfter(Callback):
    def __init__(self, path, epoch):
        self.path, self.epoch = path, epoch

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("epoch", [0, 2])
def test_resumed_run_unfreezes_the_same_parts(learn, tmp_path, epoch):
    options = {"head_epochs": 1, "unfreeze_stages": 3, "dropout": 0.0}
    whole = classifier(**options)
    changed, _ = learn(whole, 4, callbacks=[SaveAfter(tmp_path / "last.ckpt", epoch)])
    resumed = classifier(**options)
    resumed_changed, _ = learn(resumed, 4, tmp_path / "last.ckpt")
    assert resumed_changed == {later: changed[later] for later in range(epoch + 1, 4)}
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


class SaveHalfWay(Callback):
    """Save after two of an epoch's four batches."""

    def __init__(self, path):
        self.path = path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if batch_idx == 1:
            trainer.save_checkpoint(self.path)


def test_resume_within_an_epoch_keeps_layers_frozen(learn, tmp_path):
    learn(classifier(head_epochs=9), 1, callbacks=[SaveHalfWay(tmp_path / "half.ckpt")])
    changed, _ = learn(classifier(head_epochs=9), 1, tmp_path / "half.ckpt")
    assert changed == {0: {"fc.weight", "fc.bias"}}


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_backbone_has_the_lower_rate(trainer, backbone):
    model = classifier(backbone, backbone_lr=0.25)
    model.trainer = trainer(max_epochs=1)
    optimizer = model.configure_optimizers()["optimizer"]
    body, head = optimizer.param_groups
    assert (body["lr"], head["lr"]) == (pytest.approx(0.025), pytest.approx(0.1))
    assert {p.data_ptr() for p in head["params"]} == {p.data_ptr() for p in model.network.get_classifier().parameters()}
    grouped = sorted(id(p) for p in (*body["params"], *head["params"]))
    assert grouped == sorted(id(p) for p in model.parameters())


def test_step_uses_the_scaled_rate_for_the_backbone(learn):
    class Watch(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            self.before = {n: (p.detach().clone(), p.grad.clone()) for n, p in pl_module.network.named_parameters()}

    watch = Watch()
    model = classifier(head_epochs=0, unfreeze_stages=1, backbone_lr=0.5)
    learn(model, 1, callbacks=[watch], limit_train_batches=1)
    for name, rate in (("fc.weight", 0.1), (FIRST["test_resnet"], 0.05)):
        before, gradient = watch.before[name]
        torch.testing.assert_close(model.network.state_dict()[name], before - rate * gradient)


def test_uses_the_normalisation_of_the_backbone():
    description = timm.get_pretrained_cfg("test_efficientnet")
    model = classifier("test_efficientnet")
    assert model.mean.item() == pytest.approx(sum(description.mean) / 3)
    assert model.std.item() == pytest.approx(sum(description.std) / 3)


def test_grey_image_equals_an_rgb_image_of_equal_channels(tmp_path):
    torch.manual_seed(5)
    network = timm.create_model("test_resnet", num_classes=0).eval()
    description = timm.get_pretrained_cfg("test_resnet")
    image = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8)
    mean, std = (torch.tensor(values)[:, None, None] for values in (description.mean, description.std))
    torch.save(network.state_dict(), tmp_path / "w.pt")
    model = classifier(dropout=0.0).eval()
    loaded = read_weights(tmp_path / "w.pt", model.network, ["fc.weight", "fc.bias"], "test_resnet")
    model.network.load_state_dict(loaded.tensors, strict=False)
    with torch.inference_mode():
        expected = model.network.fc(network((image.expand(-1, 3, -1, -1) / 255 - mean) / std))
        torch.testing.assert_close(model(image), expected[:, 0], rtol=1e-4, atol=1e-6)


def test_new_run_starts_from_pretrained_weights(learn, tmp_path):
    torch.manual_seed(5)
    source = timm.create_model("test_resnet")
    torch.save(source.state_dict(), tmp_path / "w.pt")
    model = classifier(pretrained=True, weights=tmp_path / "w.pt", head_epochs=9)
    learn(model, 1)
    # Only the head was trained, so the backbone still equals the file.
    for name, tensor in source.state_dict().items():
        if not name.startswith("fc.") and name != FIRST["test_resnet"]:
            assert torch.equal(model.network.state_dict()[name], tensor), name


def test_resume_does_not_need_the_weights_file(learn, tmp_path):
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "w.pt")
    options = {"pretrained": True, "weights": tmp_path / "w.pt", "head_epochs": 9}
    first = classifier(**options)
    _, fitting = learn(first, 1)
    fitting.save_checkpoint(tmp_path / "last.ckpt")
    (tmp_path / "w.pt").unlink()
    resumed = classifier(**options)
    learn(resumed, 2, tmp_path / "last.ckpt")
    assert torch.equal(
        resumed.network.state_dict()[FIRST["test_resnet"]], first.network.state_dict()[FIRST["test_resnet"]]
    )


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("tf_efficientnet_lit0", "tf_efficientnet_lite0"),
        ("qqqqqq", "list_models"),
        ("resnet18.nonsense", "resnet18"),
    ],
)
def test_unknown_backbone_suggests_similar_names(name, near):
    with pytest.raises(UserError) as caught:
        TransferClassifier(name, pretrained=False)
    assert name in str(caught.value)
    assert near in str(caught.value).replace(name, "", 1)
    assert "\n" not in str(caught.value)


def test_rejects_zero_stages():
    with pytest.raises(UserError, match="unfreeze_stages"):
        classifier(unfreeze_stages=0)


# densenet has no stochastic depth; the distilled deit has two heads that are averaged.
@pytest.mark.parametrize("backbone", ["densenet121", "deit_tiny_distilled_patch16_224"])
def test_accepts_other_backbone_families(backbone):
    model = classifier(backbone).eval()
    size = model.network.pretrained_cfg["input_size"][-1]
    assert model(torch.zeros(1, 1, size, size)).shape == (1,)
    body, head = model.parameter_groups()
    heads = [m for m in model.network.modules() if isinstance(m, nn.Linear) and m.out_features == 1]
    assert {id(p) for p in head["params"]} == {id(p) for m in heads for p in m.parameters()}
    assert len(body["params"]) + len(head["params"]) == len(list(model.parameters()))
    assert sum(map(len, model.backbone_stages())) == len(body["params"])
