"""Mistakes on the command line and in configs are explained in one line."""

from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml

from xray.cli import main
from xray.cli.commands import PLAIN_COMMANDS, TRAINER_COMMANDS
from xray.cli.error_messages import EQUIVALENTS, did_you_mean

CNN = str(Path(__file__).parents[2] / "configs" / "cnn.yaml")
FIT = ("fit", "--config", CNN)


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    # A mistake is reported before a run starts.
    assert not any(tmp_path.glob("logs/*"))


@pytest.fixture
def error_of(capsys):
    """Run a wrong command line and return its one line of error."""

    def run(*args):
        assert main(args) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        line = captured.err.removesuffix("\n")
        assert "\n" not in line
        assert line.startswith("xray: error: ")
        return line.removeprefix("xray: error: ")

    return run


@pytest.mark.parametrize(
    ("args", "wrong", "meant"),
    [
        (("fit", "--confg", CNN), "--confg", "--config"),
        ((*FIT, "--data.batchsize=3"), "--data.batchsize", "--data.batch_size"),
        ((*FIT, "--trainer.max_epoch", "3"), "--trainer.max_epoch", "--trainer.max_epochs"),
        ((*FIT, "--modle.dropout", "3"), "--modle.dropout", "--model.dropout"),
        ((*FIT, "--model.width", "[8]"), "model.width of CNNClassifier", "model.widths"),
        ((*FIT, "--model.operating_point.ruel", "cost"), "ruel of CNNClassifier", "model.operating_point.rule"),
        ((*FIT, "--model.optimizer.init_args.weightdecay", "0"), "of AdamW", "model.optimizer.weight_decay"),
        ((*FIT, "--trainer.logger=CSVLogger", "--trainer.logger.nam", "x"), "of CSVLogger", "trainer.logger.name"),
        ((*FIT, "--model", "xray.models.cnn.CNNClasifier"), "CNNClasifier", "CNNClassifier"),
        ((*FIT, "--model.optimizer", "Adamw"), "Adamw", "AdamW"),
        ((*FIT, "--trainer.callbacks", "EarlyStoping"), "EarlyStoping", "EarlyStopping"),
        ((*FIT, "--trainer.logger", "CSVLoger"), "CSVLoger", "CSVLogger"),
        ((*FIT, "--trainer.logger.name", "x"), "--trainer.logger.name", "--run.name"),
        ((*FIT, "--trainer.callbacks+=xray.callbacks.seed.SeedEpoch"), "SeedEpoch", "SeedEpochs"),
        (("predict", "--outt", "x.csv", "a.png"), "--outt", "--out"),
        (("predict", "--ckpt", "x.ckpt", "a.png"), "--ckpt", "--ckpt_path"),
        (("synth", "--patient", "40", "demo"), "--patient", "--patients"),
    ],
)
def test_misspelt_name(error_of, args, wrong, meant):
    line = error_of(*args)
    assert wrong in line
    assert line.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("text", "wrong", "meant"),
    [
        ("modle:\n  class_path: xray.models.cnn.CNNClassifier\n", "modle", "model"),
        ("data:\n  augmentation:\n    rotaton: 1\n", "data.augmentation.rotaton", "data.augmentation.rotation"),
        ("model:\n  class_path: CNNClassifier\n  init_args:\n    dropot: 0\n", "model.dropot", "model.dropout"),
        ("trainer:\n  gpus: 3\n", "trainer.gpus", "trainer.devices"),
    ],
)
def test_wrong_config_key(error_of, text, wrong, meant):
    Path("mine.yaml").write_text(text)
    line = error_of("fit", "--config", "mine.yaml")
    assert wrong in line
    assert line.endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trainer:\n", "below trainer there is nothing"),
        ("run: null\n", "below run there is nothing"),
        ("data: [a]\n", "below data there is ['a']"),
    ],
)
def test_config_with_an_empty_group(error_of, text, expected):
    Path("mine.yaml").write_text(text)
    assert f"mine.yaml: {expected}" in error_of(*FIT, "--config", "mine.yaml")


def test_config_with_its_settings_below_the_command(error_of):
    Path("mine.yaml").write_text("fit:\n  trainer:\n    max_epochs: 1\n")
    assert error_of(*FIT, "--config", "mine.yaml").startswith("There is no config key fit: write what is below it at")


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        ((*FIT, "--epochs", "3"), "--trainer.max_epochs"),
        ((*FIT, "--max_epochs", "3"), "--trainer.max_epochs"),
        ((*FIT, "--lr", "0.1"), "--model.optimizer.init_args.lr"),
        ((*FIT, "--model.lr", "0.1"), "model.optimizer.init_args.lr"),
        ((*FIT, "--batch_size", "3"), "--data.batch_size"),
        ((*FIT, "--dropout", "0.1"), "--model.dropout"),
        ((*FIT, "--data.data_dir", "x"), "--data.root"),
        ((*FIT, "--trainer.resume_from_checkpoint", "x"), "--ckpt_path"),
        ((*FIT, "--seed", "1"), "--seed_everything"),
        (("predict", "--checkpoint", "x", "a.png"), "--ckpt_path"),
        (("train",), "fit"),
    ],
)
def test_name_from_another_trainer(error_of, args, meant):
    assert f"did you mean {meant}?" in error_of(*args)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((*FIT, "--batch-size", "3"), "did you mean --data.batch_size?"),
        ((*FIT, "--data.train_dir", "x"), "did you mean --data.root?"),
        ((*FIT, "--trainer.checkpoint_callback", "false"), "did you mean --trainer.enable_checkpointing?"),
        ((*FIT, "--model.optimizer.learning_rate", "1"), "did you mean model.optimizer.init_args.lr?"),
        ((*FIT, "--model.threshold", "0.4"), "model.operating_point"),
        ((*FIT, "--data.shuffle", "true"), "shuffled in every epoch"),
        ((*FIT, "--trainer.patience", "3"), "--trainer.callbacks+=EarlyStopping"),
        ((*FIT, "--model.widths", "8"), "'8' is not a list such as '[a, b]'"),
        ((*FIT, "--model.operating_point", "youden"), "--model.operating_point.KEY VALUE"),
        ((*FIT, "--model", "resnet18"), "there is no class resnet18: give one of your own with its module"),
        (
            (*FIT, "--model", "torch.nn.Linear"),
            "torch.nn.Linear is not a subclass of ImageClassifier, but a network may be: model: {network: {",
        ),
        ((*FIT, "--data.root"), "--data.root needs a value"),
        (("test", "checkpoints"), "--ckpt_path checkpoints"),
        (("predict", "--model", "x", "a.png"), "did you mean --ckpt_path?"),
        (("test", "--robustness", "perhaps"), "'perhaps' is not true or false"),
    ],
)
def test_mistake_is_explained(error_of, args, expected, monkeypatch):
    monkeypatch.setattr("xray.cli.trainer.find_checkpoint", lambda *args: None)
    assert expected in error_of(*args)


@pytest.mark.parametrize(
    ("option", "name"),
    [("model.optimizer", "ReduceLROnPlateau"), ("model.scheduler", "AdamW"), ("trainer.logger", "EarlyStopping")],
)
def test_class_of_another_kind_is_not_suggested_again(error_of, option, name):
    line = error_of(*FIT, f"--{option}", name)
    assert line.startswith(f"{option}: ")
    assert line.endswith(f".{name} is of another kind than is expected here.")


def test_keys_of_own_classes_are_found(error_of, monkeypatch):
    Path("mine_too.py").write_text(
        "from xray.models.cnn import CNNClassifier\n\n\nclass Mine(CNNClassifier):\n"
        "    def __init__(self, sharpness: float = 1.0, **options):\n        super().__init__(**options)\n"
    )
    monkeypatch.syspath_prepend(str(Path.cwd()))
    assert error_of(*FIT, "--model", "mine_too.Mine", "--model.sharpnes", "2").endswith("did you mean model.sharpness?")


def test_workers_are_not_needed(error_of):
    assert "decoded once into the cache" in error_of(*FIT, "--data.num_workers", "4")
    assert "cache" not in error_of("serve", "--workers", "4", "model.onnx")


@pytest.mark.parametrize("command", ["fit", "serve"])
def test_unlike_any_option(error_of, command):
    assert error_of(command, "--qqq", "4").endswith(f"; 'python -m xray {command} --help' lists them")


def test_equivalents_exist(capsys):
    assert main([*FIT, "--print_config"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    others = {"out", *TRAINER_COMMANDS, *PLAIN_COMMANDS}
    for target in set(EQUIVALENTS.values()) - others:
        keys = target.replace("model.", "model.init_args.").split(".")
        reduce(getitem, keys, config)  # raises KeyError without it


def test_only_existing_options_are_suggested(error_of):
    assert "did you mean" not in error_of("predict", "--epochs", "3", "a.png")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("data.batch_size", "three", "a whole number"),
        ("data.resize", "sqash", "one of 'stretch', 'pad', 'crop'"),
        ("trainer.max_epochs", "3.5", "a whole number"),
        ("trainer.deterministic", "perhaps", "true or false"),
        ("model.dropout", "much", "a number"),
        ("model.optimizer.lr", "fast", "a number"),
    ],
)
def test_wrong_type_of_value(error_of, option, value, expected):
    assert error_of(*FIT, f"--{option}", value).startswith(f"{option}: '{value}' is not {expected}")


def test_missing_parameter_of_a_class(error_of):
    assert error_of(*FIT, "--model.scheduler", "StepLR") == "model.scheduler.step_size is missing: StepLR needs it."


def test_ambiguous_class_name_asks_for_the_path(error_of):
    line = error_of(*FIT, "--model.scheduler", "ReduceLROnPlateau")
    assert line.startswith("model.scheduler: ")
    assert "torch.optim.lr_scheduler.ReduceLROnPlateau" in line
    assert "did you mean" not in line


@pytest.mark.parametrize(("model", "expected"), [("Qqqq", "Qqqq"), ("xray.modls.cnn.CNNClassifier", "xray.modls")])
def test_class_without_a_similar_name(error_of, model, expected):
    line = error_of(*FIT, "--model", model)
    assert expected in line
    assert "did you mean" not in line


@pytest.mark.parametrize("command", ["fit", "test"])
def test_missing_config_file(error_of, command):
    line = error_of(command, "--config", "nope.yaml")
    assert "nope.yaml" in line
    assert "does not exist" in line


@pytest.mark.parametrize(
    "content",
    [b"model: [", b"just text", b"", b"\xff\xfe\x00", b"- 1\n- 2\n", b"a: b: c\n"],
    ids=["open", "text", "empty", "bytes", "list", "colons"],
)
def test_file_that_is_not_a_config(error_of, content):
    Path("mine.yaml").write_bytes(content)
    assert "mine.yaml" in error_of("fit", "--config", "mine.yaml", "--data.root", "nowhere")


def test_config_without_its_option(error_of):
    assert f"--config {CNN}" in error_of("fit", CNN)


def test_fit_without_a_config(error_of):
    assert "--config configs/cnn.yaml" in error_of("fit")


@pytest.mark.parametrize(
    "args", [("fit", "--config"), ("test", "--ckpt_path"), (*FIT, "--trainer.max_epochs"), ("predict", "--out")]
)
def test_option_without_a_value(error_of, args):
    assert args[-1] in error_of(*args)


@pytest.mark.parametrize(("command", "missing"), [("predict", "images"), ("synth", "directory")])
def test_missing_positional_argument(error_of, command, missing):
    line = error_of(command)
    assert missing in line
    assert "config" not in line


@pytest.mark.parametrize("setting", ["dropout=2", "dropout=-0.1", "widths=[]", "widths=[0]", "label_smoothing=3"])
def test_value_out_of_range(capsys, setting):
    # The model reports it before the images are looked for.
    assert main([*FIT, f"--model.{setting}", "--data.root", "nowhere"]) in {1, 2}
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xray: error: ")]
    assert len(errors) == 1
    assert setting.partition("=")[0] in errors[0]


def test_misspelt_backbone(capsys):
    config = CNN.replace("cnn.yaml", "timm.yaml")
    args = ["fit", "--config", config, "--model.backbone", "tf_efficientnet_lit0", "--data.root", "nowhere"]
    assert main(args) in {1, 2}
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xray: error: ")]
    assert len(errors) == 1
    assert "did you mean tf_efficientnet_lite0" in errors[0]


def test_dissimilar_names_are_not_suggested():
    assert did_you_mean("qqqq", ["fit", "test"]) == ""
    assert did_you_mean("data.image_dir", ["data.root", "data.cache_dir"]) == ""
    assert did_you_mean("fitt", ["test", "fit"]) == "; did you mean fit?"
