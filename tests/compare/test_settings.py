"""Settings that differ between runs, by the names they have on the command line."""

from xray.compare.settings import MISSING, differing_settings


def source(model="CNN", lr=0.1, root="data", config=None, images=10, callbacks=(), **trainer):
    optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": lr}}
    return {
        "config": {
            "seed_everything": 1,
            "trainer": {"max_epochs": 2, "callbacks": list(callbacks)} | trainer,
            "model": {"class_path": f"xray.{model}", "init_args": {"widths": [8, 16], "optimizer": optimizer}},
            "data": {"root": root, "cache_dir": f"{root}/.cache", "num_workers": len(root)},
        }
        | (config or {}),
        "training_data": {"splits": {"train": {"images": images, "fingerprint": f"f{images}"}}},
    }


def differences(*sources):
    return {row["setting"]: row["values"] for row in differing_settings(sources)}


def test_same_settings_elsewhere_do_not_differ():
    logger = {"class_path": "TensorBoardLogger", "init_args": {"save_dir": "logs", "name": "cnn"}}
    other = source(root="/other", logger=logger, accelerator="gpu", devices=2, config={"run": {"name": "b"}})
    assert differences(source(), other) == {}


def test_names_are_those_of_the_command_line():
    other = source("Other", lr=0.2, config={"seed_everything": 2}, max_epochs=3)
    assert differences(source(), other) == {
        "model": ["CNN", "Other"],
        "model.optimizer.lr": ["0.1", "0.2"],
        "seed_everything": ["1", "2"],
        "trainer.max_epochs": ["2", "3"],
    }


def test_other_training_images_are_told_by_their_fingerprint():
    assert differences(source(), source(images=11)) == {
        "images of train": ["10, fingerprint f10", "11, fingerprint f11"]
    }


def test_setting_that_only_one_run_has():
    assert differences(source(), source(precision="16")) == {"trainer.precision": [MISSING, "16"]}


def test_callbacks_are_named_by_class():
    checkpoint = {"class_path": "x.RunCheckpoint", "init_args": {"root": "checkpoints", "monitor": "val/loss"}}
    other = {"class_path": "x.RunCheckpoint", "init_args": {"root": "elsewhere", "monitor": "val/auroc"}}
    assert differences(source(callbacks=[checkpoint]), source(callbacks=[other])) == {
        "trainer.callbacks.RunCheckpoint.monitor": ["val/loss", "val/auroc"]
    }


def test_run_without_config_is_left_out():
    assert differences(source(), {}) == {}
    assert differences(source(), {}, source(lr=0.3)) == {"model.optimizer.lr": ["0.1", MISSING, "0.3"]}
