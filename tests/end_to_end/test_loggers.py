"""Runs with other loggers and callbacks than those of the shipped configs."""

import json
import signal
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.end_to_end.commands import BEST, CNN, RUN, fit, run, table
from tests.tiny_runs import FAST
from xray.callbacks.checkpoint import RunCheckpoint
from xray.cli import main
from xray.models.base import ImageClassifier
from xray.runs.checkpoint import DECISION_KEY, METRICS_KEY, read_checkpoint


class OwnCheckpoint(RunCheckpoint):
    """A subclass of the checkpoint callback."""


class Stages(Callback):
    """Print each stage that it takes part in."""

    def setup(self, trainer, pl_module, stage) -> None:
        print(f"[{stage.value}]")


class Interrupt(Callback):
    """Send this process a signal in the second epoch."""

    def __init__(self, number: int) -> None:
        self.number = number

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if trainer.current_epoch == 1:
            signal.raise_signal(self.number)


class Linear(ImageClassifier):
    """A model without arguments and without batch normalisation."""

    def __init__(self) -> None:
        layers = (torch.nn.AdaptiveAvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(64, 1))
        super().__init__(torch.nn.Sequential(*layers), 0.5, 0.25)


def scalars(folder: Path) -> dict[str, float]:
    """Last value of each tag in a TensorBoard log."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {tag: events.Scalars(tag)[-1].value for tag in events.Tags()["scalars"]}


@pytest.mark.skipif(not (find_spec("mlflow") and find_spec("wandb")), reason="needs the extra trackers")
def test_each_of_several_loggers_gets_name_metrics_and_figures(images: Path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    loggers = "[TensorBoardLogger, CSVLogger, MLFlowLogger, {class_path: WandbLogger, init_args: {offline: true}}]"
    fit(images, "--run.name", "several", "--trainer.logger", loggers)
    logs = Path("logs/several/version_0")
    best = read_checkpoint(Path("checkpoints/several/version_0/best.ckpt"))
    kept = best.record(METRICS_KEY)

    assert scalars(logs)["final/val/loss"] == pytest.approx(kept["val/loss"])
    assert scalars(logs)["final/epoch"] == best.content["epoch"] + 1
    rows = [row for row in table(logs / "metrics.csv") if row.get("final/val/loss")]
    assert float(rows[-1]["final/val/loss"]) == pytest.approx(kept["val/loss"])

    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"file:{Path('logs/mlruns').absolute()}")
    experiment = client.get_experiment_by_name("several")
    (tracked,) = client.search_runs([experiment.experiment_id])
    assert tracked.info.run_name == "version_0"
    assert tracked.info.status == "FINISHED"
    assert tracked.data.metrics["final/val/loss"] == pytest.approx(kept["val/loss"])
    assert (tracked.data.params["lr"], tracked.data.params["max_epochs"]) == ("0.002", "2")
    artifacts = Path("logs/mlruns", experiment.experiment_id, tracked.info.run_id, "artifacts")
    assert [path.name for path in sorted(artifacts.glob("val/curves/*"))] == ["epoch_001.png", "epoch_002.png"]

    (offline,) = logs.glob("wandb/offline-run-*")
    assert list(offline.glob("*.wandb"))
    assert list(offline.glob("files/media/images/val/curves_*.png"))

    saved = yaml.safe_load((logs / "config.yaml").read_text())
    assert saved["run"]["name"] == "several"
    assert "version_0" not in (logs / "config.yaml").read_text()  # a repeated run gets its own


def test_own_callbacks_take_part_in_all_stages_and_averages_are_kept(images: Path, capsys):
    averaging = {"class_path": "EMAWeightAveraging", "init_args": {"decay": 0.8}}
    own = [f"{__name__}.OwnCheckpoint", f"{__name__}.Stages", averaging]
    by_auroc = {"monitor": "val/auroc", "mode": "max", "filename": "best", "save_last": True}
    further = {"class_path": "ModelCheckpoint", "init_args": by_auroc}
    callbacks = ["--trainer.callbacks", json.dumps(own), "--trainer.callbacks+", json.dumps(further)]
    fit(images, *callbacks, "--trainer.enable_progress_bar", "false")
    assert {path.name for path in BEST.parent.iterdir()} == {"best.ckpt", "last.ckpt", "further"}
    saved = yaml.safe_load((RUN / "config.yaml").read_text())["trainer"]["callbacks"]
    assert [each["class_path"].rpartition(".")[2] for each in saved] == [
        "OwnCheckpoint", "Stages", "EMAWeightAveraging", "ModelCheckpoint", "SeedEpochs",
    ]  # fmt: skip
    capsys.readouterr()
    run("validate")
    run("test")
    assert "[validate]" in (printed := capsys.readouterr().out)
    assert "[test]" in printed
    assert scalars(RUN)["final/test/auroc"] >= 0
    # The weights of best.ckpt give the loss that chose it.
    best = read_checkpoint(BEST)
    state, averaged = best.content["current_model_state"], best.content["state_dict"]
    assert any(not torch.equal(state[name], averaged[name]) for name in state if name.endswith("weight"))
    rows = table(RUN / "validate/predictions.csv")
    logits = torch.tensor([float(row["logit"]) for row in rows])
    labels = torch.tensor([float(row["label"] == "PNEUMONIA") for row in rows])
    loss = binary_cross_entropy_with_logits(logits, labels, pos_weight=averaged["positive_weight"])
    assert float(loss) == pytest.approx(best.record(METRICS_KEY)["val/loss"], rel=1e-4)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_fit_leaves_a_decided_model_and_says_how_to_go_on(images: Path, capsys, number, status, request):
    # Test processes of pytest-xdist ignore Ctrl-C.
    request.addfinalizer(partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = ["--trainer.callbacks+", f"{__name__}.Interrupt", "--trainer.callbacks.number", str(int(number))]
    args = ["--config", str(CNN), "--data.root", str(images), *FAST, "--model.widths", "[8, 8]", "--trainer.max_epochs"]
    handler = signal.getsignal(signal.SIGINT)
    assert main(["fit", *args, "2", *interrupt]) == status
    assert signal.getsignal(signal.SIGINT) == handler
    assert read_checkpoint(BEST).record(DECISION_KEY)
    error = capsys.readouterr().err
    assert f"fit --config {RUN}/config.yaml --ckpt_path {BEST.with_name('last.ckpt')}" in error


def test_model_and_optimiser_without_arguments_in_a_run_of_two_steps_without_loggers(images: Path, capsys):
    averaging = {"class_path": "StochasticWeightAveraging", "init_args": {"swa_lrs": 0.01, "swa_epoch_start": 1}}
    trainer = {"logger": None, "callbacks": averaging, "max_steps": 2, "max_epochs": -1, "enable_progress_bar": False}
    config = {"model": {"class_path": f"{__name__}.Linear"}, "data": {"root": str(images)}, "trainer": trainer}
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    run("fit", "--config", "mine.yaml", *FAST)
    assert "The average of the weights has val/calibrated_loss" in capsys.readouterr().out
    run("test")
    report = Path("logs/mine/version_0/test/report.html").read_text()
    assert f"{__name__}.Linear" in report
    assert not list(Path("logs/mine/version_0").glob("events*"))
    saved = yaml.safe_load(Path("logs/mine/version_0/config.yaml").read_text())
    assert saved["trainer"]["callbacks"][0]["init_args"]["device"] == "cpu"


def test_fit_without_checkpoints_is_passed_over_by_name(trained, images: Path, capsys):
    fit(images, "--trainer.enable_checkpointing", "false", "--trainer.limit_train_batches", 1, epochs=1)
    assert "No checkpoint was kept" in capsys.readouterr().out
    run("predict", images / "test", "--out", "out.csv")
    assert "cnn/version_0 is taken; newer, but without a best.ckpt" in capsys.readouterr().err
