"""Which parameters of any network are trained, in which epoch and at which rate."""

import pytest
import torch
from lightning.pytorch import Callback
from tests.models.conftest import TinyData
from torch import nn
from torch.optim import SGD

from xray.models.base import ImageClassifier
from xray.models.freezing import Freezing, stages_by_pattern
from xray.utils.errors import UserError


class Net(nn.Module):
    """A network with three layers and a normalisation."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Conv2d(1, 4, 3, stride=2)
        self.layer2 = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 1)

    def forward(self, images):
        return self.head(self.layer2(self.layer1(images).relu()).relu().mean((2, 3)))


class Declaring(Net):
    freeze_stages = ("^head", "^layer2")


class Changed(Callback):
    """Record which layers changed in each epoch."""

    def __init__(self):
        self.layers = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if batch_idx == 0:
            self._before = {name: tensor.clone() for name, tensor in pl_module.network.state_dict().items()}

    def on_train_epoch_end(self, trainer, pl_module):
        after = pl_module.network.state_dict()
        self.layers.append({name.split(".")[0] for name in after if not torch.equal(after[name], self._before[name])})


def classifier(network, **options):
    torch.manual_seed(0)
    return ImageClassifier(network(), optimizer=lambda groups: SGD(groups, lr=0.1), scheduler=None, **options)


def changed_layers(trainer, model, epochs, checkpoint=None, save=None):
    changed = Changed()
    run = trainer(max_epochs=epochs, callbacks=[changed])
    run.fit(model, TinyData(), ckpt_path=checkpoint, weights_only=False)
    if save:
        run.save_checkpoint(save)
    return changed.layers


STAGES = ["^head", ["^layer2"], ["^layer1"]]


def test_stages_are_unfrozen_one_each_epoch(trainer):
    model = classifier(Net, freeze=Freezing(STAGES, head_epochs=2))
    everything = {"head", "layer2", "layer1"}
    assert changed_layers(trainer, model, 4) == [{"head"}, {"head"}, {"head", "layer2"}, everything]


def test_what_no_stage_matches_stays_frozen(trainer):
    assert changed_layers(trainer, classifier(Net, freeze=Freezing(["head"])), 3) == [{"head"}] * 3


def test_network_declares_its_stages(trainer):
    layers = changed_layers(trainer, classifier(Declaring, freeze=Freezing()), 2)
    assert layers == [{"head"}, {"head", "layer2"}]


def test_resumed_run_continues_as_an_uninterrupted_one(trainer, tmp_path):
    freeze = Freezing(STAGES)
    whole = classifier(Net, freeze=freeze)
    layers = changed_layers(trainer, whole, 3)
    changed_layers(trainer, classifier(Net, freeze=freeze), 1, save=tmp_path / "last.ckpt")
    resumed = classifier(Net, freeze=freeze)
    assert changed_layers(trainer, resumed, 3, tmp_path / "last.ckpt") == layers[1:]
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor)


def test_later_stages_have_the_lower_rate():
    model = classifier(Net, freeze=Freezing(STAGES, backbone_lr=0.25))
    body, head = model.configure_optimizers()["optimizer"].param_groups
    assert (body["lr"], head["lr"]) == (0.025, 0.1)
    assert {id(one) for one in head["params"]} == {id(one) for one in model.network.head.parameters()}
    assert len(body["params"]) + len(head["params"]) == len(list(model.parameters()))


def test_a_parameter_belongs_to_the_first_stage_that_matches():
    assert stages_by_pattern(Net(), ["head", r"\.weight$", "."]) == [
        ["head.weight", "head.bias"],
        ["layer1.weight", "layer2.0.weight", "layer2.1.weight"],
        ["layer1.bias", "layer2.0.bias", "layer2.1.bias"],
    ]


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        (None, "no attribute freeze_stages.*layer1.weight"),
        (["^head", "^layer4"], r"\^layer4 matches no parameter of Net"),
        (["^head", "head.bias"], "earlier stage"),
        (["head("], "not a regular expression"),
    ],
)
def test_rejects_stages_that_name_nothing(stages, reason):
    with pytest.raises(UserError, match=reason):
        stages_by_pattern(Net(), stages)
