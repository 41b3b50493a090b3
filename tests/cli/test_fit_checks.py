"""What cannot work is refused in one line before a run writes anything, and works where Lightning promises it."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping
from tests.tiny_runs import CONFIGS, FAST, TINY

from xray.cli import main
from xray.cli.fit_checks import check_monitors, check_optimizer, check_resumed
from xray.data.datamodule import ChestXRayDataModule
from xray.models.cnn import CNNClassifier
from xray.runs.checkpoint import Checkpoint
from xray.utils.errors import UserError


@pytest.fixture
def error_of(images, capsys):
    """Run a fit that is refused, and return its line of error."""

    def run(*args):
        config = [str(CONFIGS / "cnn.yaml"), "--data.root", str(images), *TINY["cnn"], *FAST]
        assert main(["fit", "--config", *config, *args]) in {1, 2}
        assert not list(Path("logs").glob("*/*"))
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("xray: error: ")]
        return line.removeprefix("xray: error: ")

    return run


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--model.optimizer", "LBFGS"], "model.optimizer"),
        (["--model.optimizer", "SparseAdam"], "dense gradients"),
        (["--model.optimizer", "Muon"], "2D parameters"),
        (["--model.optimizer", "SGD", "--model.optimizer.lr", "-1"], "Invalid learning rate: -1.0"),
        (["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor", "val_loss"], "did you mean val/loss?"),
        (
            ["--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks.monitor", "f1"],
            "logged are train/accuracy",
        ),
        (["--trainer.precision", "transformer-engine"], "transformer_engine"),
        (["--trainer.strategy", "ddq"], "invalid strategy name"),
        (["--trainer.strategy", "fsdp"], "requires a GPU"),
        (["--trainer.barebones", "true"], "trainer.barebones"),
        (["--trainer.accumulate_grad_batches", "0"], "trainer.accumulate_grad_batches 0"),
        (["--trainer.gradient_clip_algorithm", "sum"], "['value', 'norm']"),
        (["--trainer.max_time", "10:00"], "DD:HH:MM:SS"),
        (["--trainer.profiler", "fast"], "'simple', 'advanced'"),
        (["--trainer.limit_train_batches", "1.5"], "limit_train_batches"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_refused_before_training(error_of, args, expected):
    assert expected in error_of(*args)


@pytest.mark.parametrize(
    ("monitor", "meant"),
    [
        ("val_loss", "val/loss"),
        ("valid_acc", "val/accuracy"),
        ("val_auc", "val/auroc"),
        ("validation/average_precision", "val/average_precision"),
        ("train_loss", "train/loss"),
    ],
)
def test_monitor_as_others_spell_it(monitor, meant):
    trainer = Trainer(callbacks=[EarlyStopping(monitor)], logger=False, accelerator="cpu")
    with pytest.raises(UserError, match=f"did you mean {meant}"):
        check_monitors(trainer, CNNClassifier(widths=[8]))


class OwnMetric(CNNClassifier):
    def validation_step(self, batch, batch_idx):
        self.log("val/f1", 0.5)
        return super().validation_step(batch, batch_idx)


@pytest.mark.parametrize(("name", "other"), [("image_size", 48), ("resize", "pad"), ("class_names", ["A", "B"])])
def test_resumed_run_keeps_the_form_of_its_images(images, name, other):
    data = ChestXRayDataModule(images, image_size=32)
    began = {"image_size": 32, "resize": "stretch", "class_names": ["NORMAL", "PNEUMONIA"]}
    check_resumed(Checkpoint(Path("last.ckpt"), {"data": began}, {}), data)
    check_resumed(Checkpoint(Path("last.ckpt"), {"data": {"class_path": "my.Data"}}, {}), data)
    with pytest.raises(UserError, match=rf"last.ckpt was trained with data.{name} .*--model.weights last.ckpt"):
        check_resumed(Checkpoint(Path("last.ckpt"), {"data": began | {name: other}}, {}), data)


class LossEach(CNNClassifier):
    def loss(self, logits, labels):
        return (logits - labels) ** 2


class LossOfNothing(CNNClassifier):
    def loss(self, logits, labels):
        return (logits * 0 / 0).mean()


@pytest.mark.parametrize(
    ("model", "expected"),
    [(LossEach, r"LossEach.loss returns shape \(4,\)"), (LossOfNothing, "loss of LossOfNothing is nan before")],
)
def test_loss_that_cannot_train_is_refused(images, model, expected):
    data = ChestXRayDataModule(images, image_size=32)
    data.setup("fit")
    with pytest.raises(UserError, match=expected):
        check_optimizer(model(widths=[8, 8]), data, torch.device("cpu"))


class LogsToo(Callback):
    pass


def test_names_that_own_code_may_log_are_not_refused():
    def trainer(*callbacks):
        return Trainer(callbacks=[EarlyStopping("val/f1"), *callbacks], logger=False, accelerator="cpu")

    check_monitors(trainer(), OwnMetric(widths=[8]))
    check_monitors(trainer(LogsToo()), CNNClassifier(widths=[8]))


def test_trial_step_changes_nothing(images):
    data = ChestXRayDataModule(images, image_size=32)
    data.setup("fit")
    model = CNNClassifier(widths=[8, 8])
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    check_optimizer(model, data, torch.device("cpu"))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
