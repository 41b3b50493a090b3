"""Whole runs through the command line, as users call it."""

import shutil
import signal
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Callback

import xray.utils.hardware
from tests.conftest import make_images
from tests.end_to_end.commands import CNN, RUN, fit, metrics, run, table
from tests.tiny_runs import CONFIGS as SHIPPED
from tests.tiny_runs import FAST, TINY
from xray.cli import main
from xray.cli.resolve_checkpoint import find_checkpoint
from xray.data.datamodule import ChestXRayDataModule

CONFIGS = sorted(SHIPPED.glob("*.yaml"))
TIMM = SHIPPED / "timm.yaml"


def final_validation(run_folder: str) -> dict[str, float]:
    """Validation metrics of the last epoch, from the TensorBoard log."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(Path("logs", run_folder)))
    events.Reload()
    return {tag: events.Scalars(tag)[-1].value for tag in ("val/loss", "val/auroc", "train/loss")}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_config_trains_tests_and_predicts(config: Path, images: Path, capsys):
    fit(images, config=config)
    assert "Decision fitted on" in capsys.readouterr().out
    run("test")
    run("validate")
    run("predict", images / "test", "--out", "out.csv")
    version = f"{config.stem}/version_0"
    assert {p.name for p in Path("checkpoints", version).iterdir()} == {"best.ckpt", "last.ckpt"}
    record = {p.name for p in Path("logs", version).iterdir()}
    assert {"config.yaml", "split.csv", "data.json", "decision.json", "test", "validate"} <= record
    assert metrics(version)["images"] == 28
    in_val = [row for row in table(f"logs/{version}/split.csv") if row["split"] == "val"]
    assert metrics(version, "validate")["images"] == len(in_val)


def test_history_is_what_the_run_logged_and_the_report_names_the_kept_epoch(tested):
    epochs = table(RUN / "history.csv")
    assert [row["epoch"] for row in epochs] == ["1", "2"]
    assert all(float(row["seconds"]) > 0 for row in epochs)
    logged = final_validation("cnn/version_0")
    for name in ("val/loss", "val/auroc"):
        assert float(epochs[-1][name]) == pytest.approx(logged[name], rel=1e-4)
    kept = torch.load("checkpoints/cnn/version_0/best.ckpt", weights_only=True)["epoch"] + 1
    assert f"Kept epoch: {kept} of 2" in (RUN / "test/model_card.md").read_text()
    assert 'id="figure-training"' in (RUN / "test/report.html").read_text()


def test_predict_agrees_with_test_on_every_image(tested, images: Path):
    run("predict", images / "test", "--out", "out.csv")
    expected = {row["path"]: row for row in table(RUN / "test/predictions.csv")}
    predicted = {row["path"]: row for row in table("out.csv")}
    assert predicted.keys() == expected.keys()
    for path, row in expected.items():
        assert float(predicted[path]["logit"]) == pytest.approx(float(row["logit"]), abs=1e-5)
        assert predicted[path]["decision"] == row["decision"]
        assert predicted[path]["patient"] == row["patient"]


def test_metrics_agree_with_scikit_learn(tested):
    from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

    rows = table("logs/cnn/version_0/test/predictions.csv")
    labels = [row["label"] == "PNEUMONIA" for row in rows]
    scores = [float(row["probability"]) for row in rows]
    decisions = [row["decision"] == "PNEUMONIA" for row in rows]
    summary = metrics("cnn/version_0")
    values = summary["metrics"]
    assert values["auroc"]["value"] == pytest.approx(roc_auc_score(labels, scores))
    assert values["average_precision"]["value"] == pytest.approx(average_precision_score(labels, scores))
    assert values["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(labels, decisions))
    assert summary["patients"] == 14
    assert summary["source"]["checkpoint"] == "checkpoints/cnn/version_0/best.ckpt"


def test_tensorboard_log(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator("logs/cnn/version_0", size_guidance={"images": 0})
    events.Reload()
    tags = events.Tags()
    assert {"train/loss", "val/loss", "val/auroc", "lr-AdamW", "final/val/loss"} <= set(tags["scalars"])
    assert {"train/images", "val/curves", "val/worst"} <= set(tags["images"])
    assert len(events.Images("val/curves")) == 2
    summaries = events.PluginTagToContent("hparams")
    assert b"weight_decay" in summaries["_hparams_/session_start_info"]


def test_validate_repeats_the_metrics_of_the_fit(trained):
    run("validate", "--ckpt_path", "checkpoints/cnn/version_0/last.ckpt")
    assert metrics("cnn/version_0", "validate")["metrics"]["auroc"]["value"] == pytest.approx(
        final_validation("cnn/version_0")["val/auroc"]
    )


def test_learns_an_easy_data_set(images: Path):
    fit(images, epochs=8)
    assert final_validation("cnn/version_0")["val/auroc"] > 0.9


def test_saved_config_repeats_the_run_exactly(trained):
    run("fit", "--config", "logs/cnn/version_0/config.yaml")
    assert final_validation("cnn/version_0") == final_validation("cnn/version_1")
    first, second = (torch.load(f"checkpoints/cnn/version_{n}/last.ckpt", weights_only=True) for n in (0, 1))
    assert all(torch.equal(first["state_dict"][key], second["state_dict"][key]) for key in first["state_dict"])


class StopAfter(Callback):
    """Stop a run after a number of epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        trainer.should_stop = trainer.current_epoch + 1 >= self.epochs


@pytest.mark.parametrize(("config", "epochs", "stop"), [(CNN, 2, 1), (TIMM, 4, 2)], ids=["cnn", "timm"])
def test_resumed_run_equals_an_uninterrupted_one(config: Path, epochs: int, stop: int, images: Path):
    fit(images, config=config, epochs=epochs)
    interrupt = ["--trainer.callbacks+", f"{__name__}.StopAfter", "--trainer.callbacks.epochs", stop]
    fit(images, *interrupt, config=config, epochs=epochs)
    last = f"checkpoints/{config.stem}/version_1/last.ckpt"
    assert torch.load(last, weights_only=True)["epoch"] == stop - 1
    fit(images, "--ckpt_path", "last", config=config, epochs=epochs)
    assert final_validation(f"{config.stem}/version_2") == final_validation(f"{config.stem}/version_0")


def test_resumed_run_keeps_the_best_epoch(images: Path):
    fit(images)
    best = torch.load("checkpoints/cnn/version_0/best.ckpt", weights_only=True)["epoch"]
    # A learning rate so high that no later epoch can be better.
    fit(images, "--ckpt_path", "last", "--model.optimizer.lr", "100", epochs=4)
    assert torch.load("checkpoints/cnn/version_1/best.ckpt", weights_only=True)["epoch"] == best


def test_resume_in_another_folder_keeps_its_own_best_epoch(images: Path, monkeypatch):
    images = images.absolute()
    fit(images)
    own = torch.load("checkpoints/cnn/version_0/best.ckpt", weights_only=True)
    last = Path("checkpoints/cnn/version_0/last.ckpt").absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    fit(images, "--model.widths", "[8, 16]", epochs=1)
    fit(images, "--ckpt_path", last, "--model.optimizer.lr", "100", epochs=4)
    brought = torch.load("checkpoints/cnn/version_1/best.ckpt", weights_only=True)
    assert all(torch.equal(brought["state_dict"][key], value) for key, value in own["state_dict"].items())
    # Where it is gone, the best of the epochs to come is kept instead of none.
    last.with_name("best.ckpt").unlink()
    fit(images, "--ckpt_path", last, "--model.optimizer.lr", "100", epochs=4)
    assert torch.load("checkpoints/cnn/version_2/best.ckpt", weights_only=True)["epoch"] >= 2


def test_command_line_overrides_the_checkpoint(trained, images: Path, make):
    other = make("other", seed=5, patients={"train": (2, 2), "val": (2, 2), "test": (3, 5)})
    run("test", "--data.root", other)
    scored = metrics("cnn/version_0", "external/other")
    assert scored["images"] == 16
    assert scored["source"]["data_root"] == str(other)
    fit(images, "--ckpt_path", "last", "--model.optimizer.weight_decay", "0.5", "--model.dropout", "0.7", epochs=3)
    last = torch.load("checkpoints/cnn/version_1/last.ckpt", weights_only=True)
    assert last["hyper_parameters"]["dropout"] == 0.7
    assert last["optimizer_states"][0]["param_groups"][0]["weight_decay"] == 0.5


def test_results_of_other_images_keep_the_earlier_ones(tested, images: Path, make):
    own = metrics("cnn/version_0")
    run("test")
    assert metrics("cnn/version_0") == own
    shutil.move(next((images / "test" / "NORMAL").iterdir()), "gone.jpeg")
    run("test")
    assert metrics("cnn/version_0")["images"] == 27
    assert metrics("cnn/version_0", "test_1") == own
    assert not Path("logs/cnn/version_0/test_2").exists()


def test_which_run_is_scored(trained):
    """The last run counts, unless the command line or, failing that, a config names another."""
    for root in ("logs", "checkpoints"):
        shutil.copytree(f"{root}/cnn", f"{root}/second")
    Path("logs/second/version_0/config.yaml").touch()  # started later
    Path("mine.yaml").write_text("ckpt_path: checkpoints/cnn/version_0/last.ckpt\n")
    saved, mine = Path("logs/cnn/version_0/config.yaml"), Path("mine.yaml")
    for (ckpt_path, configs), checkpoint in (
        ((None, []), "second/version_0/best.ckpt"),
        (("last", []), "second/version_0/last.ckpt"),
        ((None, [saved]), "cnn/version_0/best.ckpt"),
        ((None, [CNN]), "cnn/version_0/best.ckpt"),
        ((None, [mine]), "cnn/version_0/last.ckpt"),
        (("second/version_0", [mine]), "second/version_0/best.ckpt"),
    ):
        assert find_checkpoint(ckpt_path, configs).checkpoint.path == Path("checkpoints", checkpoint)
    run("test", "--config", "mine.yaml")
    assert metrics("cnn/version_0")["source"]["checkpoint"] == "checkpoints/cnn/version_0/last.ckpt"


def test_checkpoint_without_its_run(trained, images: Path):
    Path("away").mkdir()
    shutil.move("checkpoints/cnn/version_0/best.ckpt", "away/model.ckpt")
    shutil.rmtree("logs")
    run("test", "--ckpt_path", "away/model.ckpt")
    run("predict", images / "test", "--ckpt_path", "away/model.ckpt", "--out", "out.csv")
    assert Path("away/test/metrics.json").is_file()


def test_fit_stopped_by_sigterm_while_it_reads_images_leaves_nothing(images: Path, monkeypatch, capsys):
    monkeypatch.setattr(ChestXRayDataModule, "setup", lambda self, stage: signal.raise_signal(signal.SIGTERM))
    assert main(["fit", "--config", str(CNN), "--data.root", str(images), *FAST]) == 143
    assert "stopped by SIGTERM" in capsys.readouterr().err
    assert not list(Path("logs").glob("*/*"))


def test_each_run_has_its_own_folder(trained, images: Path):
    assert main(["fit", "--config", str(CNN), "--data.root", "nowhere"]) == 1
    fit(images, epochs=1)
    assert sorted(p.name for p in Path("logs/cnn").iterdir()) == ["version_0", "version_1"]


def test_test_rejects_training_images(trained, images: Path, capsys):
    image = images / "train" / "NORMAL" / "IM-0101-0001.jpeg"
    other = make_images(Path("other"), seed=9)
    shutil.copy(image, other / "test" / "NORMAL" / "IM-9999-0001.jpeg")
    shutil.rmtree(other / "train")
    rows = table(RUN / "split.csv")
    assert any(row["path"].endswith(image.name) and row["split"] == "train" for row in rows)
    assert main(["test", "--data.root", str(other)]) == 1
    assert "IM-9999-0001.jpeg is the same file as train/NORMAL/IM-0101-0001.jpeg" in capsys.readouterr().err
    assert main(["test", "--data.root", str(other), "--data.overlaps", "accept"]) == 0
    assert "Accepted" in str(metrics("cnn/version_0", "external/other")["source"]["notes"])


def test_fast_dev_run_writes_only_the_cache(images: Path):
    fit(images, "--trainer.fast_dev_run", "true")
    assert set(Path().iterdir()) == {Path("data"), images}
    assert list(Path("data").iterdir()) == [Path("data/.cache")]


def test_two_processes(images: Path):
    fit(images, "--trainer.devices", "2", "--trainer.strategy", "ddp_spawn", epochs=1)
    run("test")
    assert metrics("cnn/version_0")["images"] == 28


def test_resumed_run_rejects_another_split(trained, images: Path, capsys):
    args = ["--config", str(CNN), "--data.root", str(images), *TINY["cnn"], *FAST, "--trainer.max_epochs", "3"]
    assert main(["fit", *args, "--ckpt_path", "last", "--data.split_seed", "1"]) == 1
    assert "images that the model was trained on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--data.rot", "x"], "data.root"),
        (["--trainer.max_epoch", "3"], "trainer.max_epochs"),
        (["--data.batch_size", "many"], "'many' is not a whole number"),
        (["--data.validation", "blox"], "blocks"),
        (["--model.dropot", "0.1"], "dropout"),
        (["--model.dropout", "much"], "'much' is not a number"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_option_is_one_line(args, expected, images: Path, capsys):
    status = main(["fit", "--config", str(CNN), "--data.root", str(images), *args])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert status == 2
    assert error.startswith("xray: error: ")
    assert expected in error
    assert not Path("logs").exists()


def test_rejects_a_checkpoint_of_another_model(trained, capsys):
    args = ["--ckpt_path", "checkpoints/cnn/version_0/best.ckpt", "--model.widths", "[8, 16]"]
    assert main(["test", *args]) == 1
    assert "contains another model" in capsys.readouterr().err


def test_unwritable_logs_stop_before_training(images: Path, capsys):
    Path("logs").write_text("a file in the way")
    assert main(["fit", "--config", str(CNN), "--data.root", str(images)]) == 1
    assert "logs" in capsys.readouterr().err
    assert Path("logs").read_text() == "a file in the way"


def test_print_config(images: Path, capsys):
    assert main(["fit", "--config", str(CNN), "--data.root", str(images), "--print_config"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["data"]["root"] == str(images)
    assert config["trainer"]["max_epochs"] > 0


@pytest.mark.parametrize(
    "command", ["fit", "validate", "test", "calibrate", "report", "compare", "audit", "predict", "synth", "download"]
)
def test_help_of_every_command(command: str, capsys):
    assert main([command, "--help"]) == 0
    assert "usage" in capsys.readouterr().out.lower()


@pytest.mark.parametrize("accelerator", ["xpu", "gpu"])
def test_missing_accelerator_is_named(images: Path, monkeypatch, capsys, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    args = ["fit", "--config", str(CNN), "--data.root", str(images), *FAST]
    assert main([*args, "--trainer.accelerator", accelerator]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert f"trainer.accelerator {accelerator} cannot be used here" in line
    assert not list(Path("logs").glob("*/*"))


@pytest.mark.parametrize(("config", "precision"), [("cnn", "bf16-mixed"), ("timm", "32-true")])
def test_saved_config_has_the_precision_used(images: Path, monkeypatch, recwarn, config, precision):
    monkeypatch.setattr(xray.utils.hardware, "_cpu_has_bfloat16", lambda _: True)
    path = CNN.with_stem(config)
    args = [*TINY[config], "--data.image_size", "32", "--data.batch_size", "8", "--trainer.accelerator", "cpu"]
    run("fit", "--config", path, "--data.root", images, *args, "--trainer.max_epochs", 1)
    saved = yaml.safe_load(Path("logs", config, "version_0", "config.yaml").read_text())
    assert saved["trainer"]["precision"] == precision
    notes = [str(warning.message) for warning in recwarn if "trainer.precision is" in str(warning.message)]
    assert len(notes) == (precision == "32-true")
    recwarn.clear()
    run("fit", "--config", f"logs/{config}/version_0/config.yaml")  # repeats it without a note
    assert not any("trainer.precision is" in str(warning.message) for warning in recwarn)


def test_cpu_without_bfloat16_trains_in_float32(images: Path, monkeypatch, recwarn):
    monkeypatch.setattr(xray.utils.hardware, "_cpu_has_bfloat16", lambda _: False)
    fit(images, "--trainer.precision", "bf16-mixed", epochs=1)
    saved = yaml.safe_load(Path("logs/cnn/version_0/config.yaml").read_text())
    assert saved["trainer"]["precision"] == "32-true"
    assert any("lacks bfloat16" in str(warning.message) for warning in recwarn)
