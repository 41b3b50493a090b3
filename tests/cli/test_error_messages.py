"""Each mistake on the command line or in a config is one line that names what was probably meant."""

from pathlib import Path

import pytest

from xray.cli import main
from xray.cli.error_messages import nearest

CNN = str(Path(__file__).parents[2] / "configs" / "cnn.yaml")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    # A mistake is met before a run is begun.
    assert not any(tmp_path.glob("logs/*"))


@pytest.fixture
def complaint(capsys):
    """The one line that a command line earns."""

    def run(*words):
        assert main(words) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        line = captured.err.removesuffix("\n")
        assert "\n" not in line
        assert line.startswith("xray: error: ")
        return line.removeprefix("xray: error: ")

    return run


FIT = ("fit", "--config", CNN)


@pytest.mark.parametrize(
    ("words", "wrong", "meant"),
    [
        (("fit", "--confg", CNN), "--confg", "config"),
        ((*FIT, "--data.batchsize", "3"), "--data.batchsize", "data.batch_size"),
        ((*FIT, "--data.batchsize=3"), "--data.batchsize", "data.batch_size"),
        ((*FIT, "--trainer.maxepochs", "3"), "--trainer.maxepochs", "trainer.max_epochs"),
        ((*FIT, "--model.widht", "[8]"), "model.widht", "widths"),
        ((*FIT, "--model.optimzer", "x"), "model.optimzer", "optimizer"),
        ((*FIT, "--model.optimizer.init_args.weightdecay", "0"), "weightdecay of AdamW", "weight_decay"),
        ((*FIT, "--trainer.logger.init_args.nam", "x"), "nam of TensorBoardLogger", "name"),
        ((*FIT, "--model", "xray.models.cnn.CNNClasifier"), "CNNClasifier", "CNNClassifier"),
        ((*FIT, "--model", "CNNClasifier"), "CNNClasifier", "CNNClassifier"),
        ((*FIT, "--model.optimizer", "AdamWw"), "AdamWw", "AdamW"),
        ((*FIT, "--trainer.callbacks+=xray.callbacks.seed.SeedEpoch"), "SeedEpoch", "SeedEpochs"),
        (("predict", "--outt", "x.csv", "a.png"), "--outt", "out"),
        (("synth", "--patient", "40", "demo"), "--patient", "patients"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(complaint, words, wrong, meant):
    line = complaint(*words)
    assert wrong in line
    assert f"did you mean {meant}?" in line or f"did you mean --{meant}?" in line


@pytest.mark.parametrize(
    ("text", "wrong", "meant"),
    [
        ("modle:\n  class_path: xray.models.cnn.CNNClassifier\n", "modle", "model"),
        ("data:\n  image_sze: 64\n", "data.image_sze", "data.image_size"),
        ("data:\n  augmentation:\n    rotaton: 1\n", "data.augmentation.rotaton", "data.augmentation.rotation"),
        ("model:\n  class_path: xray.models.cnn.CNNClassifier\n  init_args:\n    widhts: [8]\n", "widhts", "widths"),
        ("model:\n  class_path: CNNClassifier\n  init_args:\n    dropot: 0\n", "dropot", "dropout"),
        ("trainer:\n  max_epoch: 3\n", "trainer.max_epoch", "trainer.max_epochs"),
    ],
)
def test_a_misspelt_key_of_a_config_is_told_with_the_nearest(complaint, text, wrong, meant):
    Path("mine.yaml").write_text(text)
    line = complaint("fit", "--config", "mine.yaml")
    assert wrong in line
    assert f"did you mean {meant}?" in line


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("data.batch_size", "three", "whole number"),
        ("data.val_fraction", "tenth", "number"),
        ("model.init_args.dropout", "much", "number"),
        ("data.resize", "sqash", "'stretch', 'pad', 'crop'"),
        ("trainer.max_epochs", "3.5", "whole number"),
        ("trainer.deterministic", "perhaps", "true or false"),
        ("model.optimizer.init_args.lr", "fast", "number"),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_what_it_should_be(complaint, option, value, expected):
    line = complaint(*FIT, f"--{option}", value)
    assert option.replace("init_args.", "") in line
    assert f"'{value}'" in line
    assert expected in line
    assert len(line) < 120


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_a_missing_config_file_is_told(complaint, command):
    line = complaint(command, "--config", "nope.yaml")
    assert "nope.yaml" in line
    assert "does not exist" in line


@pytest.mark.parametrize(
    "content",
    [b"model: [", b"just text", b"", b"\xff\xfe\x00", b"- 1\n- 2\n", b"a: b: c\n"],
    ids=["open", "text", "empty", "bytes", "list", "colons"],
)
def test_a_file_that_is_no_config_is_told(complaint, content):
    Path("mine.yaml").write_bytes(content)
    assert "mine.yaml" in complaint("fit", "--config", "mine.yaml", "--data.root", "nowhere")


def test_a_class_with_no_near_name_is_told(complaint):
    line = complaint(*FIT, "--model", "Qqqq")
    assert "Qqqq" in line
    assert "did you mean" not in line


def test_a_module_that_does_not_exist_is_told(complaint):
    assert "xray.modls" in complaint(*FIT, "--model", "xray.modls.cnn.CNNClassifier")


def test_a_file_without_its_option_is_told(complaint):
    assert f"--config {CNN}" in complaint("fit", CNN)


def test_fit_without_a_config_is_told_what_to_name(complaint):
    assert "--config configs/cnn.yaml" in complaint("fit")


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "--config"),
        ("test", "--config"),
        ("test", "--ckpt_path"),
        (*FIT, "--trainer.max_epochs"),
        ("predict", "--out"),
    ],
)
def test_an_option_without_a_value_is_told(complaint, words):
    assert words[-1] in complaint(*words)


@pytest.mark.parametrize("setting", ["dropout=2", "dropout=-0.1", "widths=[]", "widths=[0]", "label_smoothing=3"])
def test_a_value_out_of_its_range_is_told(capsys, setting):
    # Whoever builds the model tells it, before the data are looked for.
    assert main([*FIT, f"--model.{setting}", "--data.root", "nowhere"]) in {1, 2}
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xray: error: ")]
    assert len(errors) == 1
    assert setting.partition("=")[0] in errors[0]


@pytest.mark.parametrize(
    ("command", "missing"), [("predict", "images"), ("synth", "directory"), ("download", "directory")]
)
def test_a_command_without_its_words_says_which_it_wants(complaint, command, missing):
    line = complaint(command)
    assert missing in line
    assert "config" not in line


def test_an_unknown_backbone_is_told_with_the_nearest(capsys):
    config = CNN.replace("cnn.yaml", "timm.yaml")
    assert main(["fit", "--config", config, "--model.backbone", "tf_efficientnet_lit0", "--data.root", "nowhere"]) in {
        1,
        2,
    }
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xray: error: ")]
    assert len(errors) == 1
    assert "did you mean tf_efficientnet_lite0" in errors[0]


def test_nothing_near_is_not_guessed():
    assert nearest("qqqq", ["fit", "test"]) == ""
    assert nearest("fitt", ["test", "fit"]) == "; did you mean fit?"
