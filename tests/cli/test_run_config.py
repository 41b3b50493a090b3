"""What a fit adds to its config, and what it rejects before training."""

from pathlib import Path

import pytest
import torch
import yaml
from jsonargparse import Namespace
from lightning.pytorch.callbacks.timer import Interval

from xray.callbacks.checkpoint import RunCheckpoint
from xray.cli.fit_checks import check_limits
from xray.cli.run_config import complete_trainer, experiment_name, reject_old_config, resume_path, scoring_callbacks
from xray.runs.settings import RunSettings
from xray.utils.errors import UserError

CALLBACKS = "lightning.pytorch.callbacks"
NEEDED = ["RunCheckpoint", "SeedEpochs"]


class Own(RunCheckpoint):
    """A subclass of the checkpoint callback."""


def described(class_path: str) -> Namespace:
    return Namespace(class_path=class_path, init_args=Namespace())


def trainer(**settings) -> Namespace:
    defaults = dict.fromkeys(
        ("callbacks", "enable_checkpointing", "enable_progress_bar", "max_epochs", "limit_train_batches",
         "limit_val_batches", "min_epochs", "min_steps", "check_val_every_n_epoch")
    )  # fmt: skip
    defaults["enable_progress_bar"] = False
    return Namespace(**defaults | {"fast_dev_run": False, "logger": True, "max_steps": -1} | settings)


def names(callbacks: list[Namespace]) -> list[str]:
    return [each.class_path.rpartition(".")[2] for each in callbacks]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, NEEDED),
        ({"callbacks": described(f"{CALLBACKS}.EarlyStopping")}, ["EarlyStopping", *NEEDED]),
        ({"callbacks": [described(f"{__name__}.Own")]}, ["Own", "SeedEpochs"]),
        ({"callbacks": [described(f"{CALLBACKS}.ModelCheckpoint")]}, ["ModelCheckpoint", *NEEDED]),
        ({"callbacks": [described(f"{CALLBACKS}.ModelCheckpoint")], "enable_checkpointing": False}, ["SeedEpochs"]),
        ({"callbacks": [described(f"{CALLBACKS}.RichProgressBar")], "enable_progress_bar": False}, NEEDED),
        ({"callbacks": [described(f"{CALLBACKS}.LearningRateMonitor")], "logger": None}, NEEDED),
        ({"callbacks": [described(f"{CALLBACKS}.LearningRateMonitor")], "fast_dev_run": 1}, ["SeedEpochs"]),
    ],
)
def test_callbacks_are_completed(settings, expected):
    given = trainer(**settings)
    complete_trainer(given)
    assert names(given.callbacks) == expected


@pytest.mark.parametrize("given", ["RichProgressBar", "TQDMProgressBar", None])
def test_a_list_without_a_progress_bar_gets_one_that_counts_epochs_from_1(given):
    settings = trainer(callbacks=[described(f"{CALLBACKS}.{given}")] if given else [], enable_progress_bar=None)
    complete_trainer(settings)
    assert [name for name in names(settings.callbacks) if "Bar" in name] == [given or "RunProgressBar"]


def test_defaults_that_yaml_cannot_express_become_text():
    given = {"interval": Interval.step, "device": torch.device("cpu"), "duration": "00:00:10:00"}
    timer = Namespace(class_path=f"{CALLBACKS}.Timer", init_args=Namespace(**given))
    settings = trainer(callbacks=timer)
    complete_trainer(settings)
    expected = {"interval": "step", "device": "cpu", "duration": "00:00:10:00"}
    assert yaml.safe_load(yaml.safe_dump(settings.callbacks[0].init_args.as_dict())) == expected


def test_logger_true_is_tensorboard_and_a_dry_run_has_none():
    given, dry = trainer(), trainer(fast_dev_run=True)
    complete_trainer(given)
    complete_trainer(dry)
    assert names([given.logger]) == ["TensorBoardLogger"]
    assert dry.logger is False


def test_only_callbacks_that_save_or_tune_are_left_out_of_a_test():
    given = [described(f"{CALLBACKS}.{name}") for name in ("EarlyStopping", "ModelCheckpoint", "BatchSizeFinder")]
    assert names(scoring_callbacks([*given, described(f"{__name__}.Own")])) == ["EarlyStopping"]
    assert scoring_callbacks(None) == []
    assert names(scoring_callbacks(given[0])) == ["EarlyStopping"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_epochs": 0}, "trainer.max_epochs 0"),
        ({"max_steps": 0}, "trainer.max_steps 0"),
        ({"limit_train_batches": 0}, "trainer.limit_train_batches 0"),
        ({"limit_val_batches": 0.0}, "trainer.limit_val_batches 0"),
        ({"max_epochs": 4, "check_val_every_n_epoch": 5}, "at most 4"),
        ({"max_epochs": 1, "min_epochs": 3}, "trainer.min_epochs 3 is more than trainer.max_epochs 1"),
        ({"max_steps": 5, "min_steps": 6}, "trainer.min_steps 6 is more than trainer.max_steps 5"),
    ],
)
def test_settings_that_leave_no_model_are_rejected(settings, expected):
    with pytest.raises(UserError, match=expected):
        check_limits(trainer(**settings))


def test_settings_that_leave_a_model_are_accepted():
    check_limits(trainer(max_epochs=5, check_val_every_n_epoch=5))
    check_limits(trainer(max_epochs=-1, check_val_every_n_epoch=5))
    check_limits(trainer(max_epochs=-1, min_epochs=5, max_steps=-1, min_steps=9))
    check_limits(trainer(max_epochs=5, min_epochs=5))
    check_limits(trainer(limit_val_batches=0, enable_checkpointing=False))


def test_experiment_is_named_after_the_last_config():
    assert experiment_name([Path("configs/cnn.yaml"), Path("fast.v2.yaml")]) == "fast.v2"
    assert experiment_name([]) == "default"


def test_old_config_is_rejected_with_what_to_write(tmp_path: Path):
    path = tmp_path / "old.yaml"
    path.write_text("trainer:\n  callbacks:\n  - class_path: RunCheckpoint\n    init_args: {root: checkpoints}\n")
    with pytest.raises(UserError, match=r"write 'run: \{name: NAME"):
        reject_old_config(path)
    path.write_text("trainer:\n  callbacks:\n  - class_path: RunCheckpoint\n  logger: true\n")
    reject_old_config(path)


@pytest.mark.parametrize("name", ["last", "cnn", "cnn/version_0"])
def test_resumes_from_the_last_checkpoint_of_a_run(name: str):
    last = Path("checkpoints/cnn/version_0/last.ckpt")
    for file in (last, Path("logs/cnn/version_0/config.yaml")):
        file.parent.mkdir(parents=True)
        file.touch()
    assert resume_path(name, RunSettings("cnn")) == last
    last.rename(last.with_name("best.ckpt"))
    with pytest.raises(UserError, match=r"last\.ckpt"):
        resume_path(name, RunSettings("cnn"))
