"""Reading checkpoints without running code, loading models, and storing decisions."""

from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from xray.evaluation.decision import Decision, ValidationImages
from xray.models.cnn import CNNClassifier
from xray.runs.checkpoint import (
    BASELINES_KEY,
    CONFIG_KEY,
    DECIDED_KEY,
    DECISION_KEY,
    load_classifier,
    load_weights,
    read_checkpoint,
    store_decision,
)
from xray.utils.errors import UserError

MODEL = {"class_path": "xray.models.cnn.CNNClassifier", "init_args": {"widths": [8, 8], "dropout": 0.5}}


@pytest.fixture
def model():
    torch.manual_seed(3)
    made = CNNClassifier(widths=(8, 8), dropout=0.5)
    made.temperature.fill_(1.5)
    made.threshold.fill_(0.3)
    return made


def content(model, config_model=MODEL):
    """Return the part of a checkpoint that prediction needs."""
    config = yaml.safe_dump({"seed_everything": 1, "model": config_model, "data": {"image_size": 32}})
    return {"state_dict": model.state_dict(), CONFIG_KEY: config, "epoch": 4}


@pytest.fixture
def path(tmp_path, model):
    torch.save(content(model), tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


def rejection(call, *args, naming):
    with pytest.raises(UserError) as caught:
        call(*args)
    message = str(caught.value)
    assert "\n" not in message
    assert str(naming) in message
    return message


def test_loads_the_model_from_a_checkpoint_alone(path, model):
    checkpoint = read_checkpoint(path)
    assert checkpoint.path == path
    assert checkpoint.config["data"] == {"image_size": 32}
    assert checkpoint.content["epoch"] == 4
    loaded = load_classifier(checkpoint)
    images = torch.rand(2, 1, 32, 32)
    assert not loaded.training
    assert torch.equal(loaded(images), model.eval()(images))
    assert (loaded.temperature.item(), loaded.threshold.item()) == (1.5, pytest.approx(0.3))


def test_checkpoint_of_a_trainer_in_python_says_how_to_load_it(tmp_path, model):
    torch.save({"state_dict": model.state_dict(), "pytorch-lightning_version": "2.6.6"}, tmp_path / "epoch=0.ckpt")
    message = rejection(read_checkpoint, tmp_path / "epoch=0.ckpt", naming=tmp_path / "epoch=0.ckpt")
    assert f"CNNClassifier.load_from_checkpoint('{tmp_path}/epoch=0.ckpt')" in message


def test_rejects_a_missing_file_and_a_folder(tmp_path):
    assert "does not exist" in rejection(read_checkpoint, tmp_path / "no.ckpt", naming=tmp_path / "no.ckpt")
    rejection(read_checkpoint, tmp_path, naming=tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
def test_rejects_a_truncated_file(path, model, zipped):
    torch.save(content(model), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        rejection(read_checkpoint, path, naming=path)


# Some first letters are pickle opcodes.
@pytest.mark.parametrize("first", "#.K(")
def test_rejects_a_text_file(tmp_path, first):
    (tmp_path / "best.ckpt").write_text(f"{first}quick brown fox, 1, 2, 3\nand more\n")
    rejection(read_checkpoint, tmp_path / "best.ckpt", naming="best.ckpt")


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x80\x02"])
def test_rejects_other_file_types(tmp_path, start):
    (tmp_path / "best.ckpt").write_bytes(start + bytes(range(256)))
    rejection(read_checkpoint, tmp_path / "best.ckpt", naming="best.ckpt")


@pytest.mark.parametrize(
    "other",
    [
        *({"state_dict": {}}, {CONFIG_KEY: "a: 1"}, [1, 2], torch.zeros(3), {"a": torch.zeros(2)}),
        *({"state_dict": {}, CONFIG_KEY: config} for config in ("a: 1", "[1]", "{a: [", 5)),
        {"state_dict": 5, CONFIG_KEY: "{model: {}, data: {}}"},
    ],
)
@pytest.mark.filterwarnings("error")
def test_rejects_torch_files_of_other_programs(tmp_path, other):
    torch.save(other, tmp_path / "best.ckpt")
    assert "not a checkpoint of xray" in rejection(read_checkpoint, tmp_path / "best.ckpt", naming="best.ckpt")


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_does_not_run_code_in_a_checkpoint(tmp_path, model, zipped):
    evil = content(model) | {"callbacks": Malicious(tmp_path / "touched")}
    torch.save(evil, tmp_path / "best.ckpt", _use_new_zipfile_serialization=zipped)
    rejection(read_checkpoint, tmp_path / "best.ckpt", naming="best.ckpt")
    assert not (tmp_path / "touched").exists()
    # The file does run code when that is allowed.
    torch.load(tmp_path / "best.ckpt", weights_only=False)
    assert (tmp_path / "touched").exists()


def test_does_not_run_yaml_tags_in_the_config(tmp_path, model):
    evil = content(model) | {CONFIG_KEY: f"!!python/object/apply:os.mkdir ['{tmp_path / 'touched'}']"}
    torch.save(evil, tmp_path / "best.ckpt")
    with pytest.raises((UserError, yaml.YAMLError)):
        read_checkpoint(tmp_path / "best.ckpt")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "config_model",
    [
        {"class_path": "xray.models.gone.Classifier"},
        {"class_path": "xray.models.cnn.CNNClassifier", "init_args": {"depth": 3}},
        {"class_path": "torch.nn.Linear", "init_args": {"in_features": 1, "out_features": 1}},
    ],
    ids=["class", "argument", "no classifier"],
)
def test_rejects_a_model_of_another_version(path, model, config_model):
    torch.save(content(model, config_model), path)
    assert "another version" in rejection(load_classifier, read_checkpoint(path), naming=path)


def test_names_the_missing_module_of_a_network(path, model):
    network = {"class_path": "not_here.nets.Net", "init_args": {"width": 8}}
    config = {"class_path": "xray.models.base.ImageClassifier", "init_args": {"network": network}}
    torch.save(content(model, config), path)
    message = rejection(load_classifier, read_checkpoint(path), naming=path)
    assert "needs the module not_here, which is not found here" in message


def test_rejects_weights_of_another_model(path):
    checkpoint = read_checkpoint(path)
    wider = rejection(load_weights, CNNClassifier(widths=(8, 16)), checkpoint, naming=path)
    assert "tensors differ" in wider
    deeper = rejection(load_weights, CNNClassifier(widths=(8, 8, 8)), checkpoint, naming=path)
    assert "network.stages.2" in deeper
    from xray.models.transfer import TransferClassifier

    other = rejection(load_weights, TransferClassifier("test_resnet", pretrained=False), checkpoint, naming=path)
    assert "CNNClassifier" in other
    assert "TransferClassifier" in other


def test_rejected_weights_leave_the_model_unchanged(path):
    other = CNNClassifier(widths=(8, 16))
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    rejection(load_weights, other, read_checkpoint(path), naming=path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


def decision(temperature=2.0, threshold=0.25):
    on = ValidationImages("images", "blocks", 60, 40, "0f")
    return Decision(temperature, threshold, "youden", None, "highest sum", 0.9, 0.8, 0.7, on)


def test_storing_a_decision_keeps_the_weights(path, model):
    before = read_checkpoint(path).content
    store_decision(path, decision(), "[]", keep_earlier=False, baselines={"shape": {"intercept": 0.5}})
    after = read_checkpoint(path)
    loaded = load_classifier(after)
    assert (loaded.temperature.item(), loaded.threshold.item()) == (2.0, 0.25)
    assert Decision.from_dict(after.record(DECISION_KEY)) == decision()
    assert after.record(BASELINES_KEY) == {"shape": {"intercept": 0.5}}
    fitted = {"temperature", "threshold"}
    assert before.keys() == after.content.keys() - {DECISION_KEY, DECIDED_KEY, BASELINES_KEY}
    for name, tensor in before["state_dict"].items():
        assert name in fitted or torch.equal(tensor, after.content["state_dict"][name])


def test_new_decisions_keep_earlier_ones_and_baselines(path):
    store_decision(path, decision(threshold=0.1), "[]", keep_earlier=False, baselines={"shape": {}})
    store_decision(path, decision(threshold=0.2), "[]", keep_earlier=True)
    stored = store_decision(path, decision(threshold=0.3), "[]", keep_earlier=True)
    assert stored == read_checkpoint(path).record(DECISION_KEY)
    assert [each["threshold"] for each in (stored, *stored["earlier"])] == [0.3, 0.2, 0.1]
    assert all("earlier" not in each for each in stored["earlier"])
    assert read_checkpoint(path).record(BASELINES_KEY) == {"shape": {}}


def test_decision_is_none_before_the_end_of_training(path):
    assert read_checkpoint(path).record(DECISION_KEY) is None


def test_failed_write_leaves_the_checkpoint_unchanged(path, monkeypatch):
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    store = partial(store_decision, keep_earlier=True)
    assert "stays unchanged" in rejection(store, path, decision(), "[]", naming=path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
