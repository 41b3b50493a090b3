"""Name and folder of a run in the form that each logger takes."""

from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from xray.callbacks.loggers import new_logger, run_arguments
from xray.runs.run import Run

RUN = Run(Path("out/cnn/version_3"), Path("checkpoints/cnn/version_3"))


class Folderless(TensorBoardLogger):
    """A logger that chooses its own folder."""

    def __init__(self, version: str = "mine") -> None:
        super().__init__("elsewhere", version=version)


@pytest.mark.parametrize(
    ("logger", "expected"),
    [
        (CSVLogger, {"name": "cnn", "version": "version_3", "save_dir": "out"}),
        (TensorBoardLogger, {"name": "cnn", "version": "version_3", "save_dir": "out", "default_hp_metric": False}),
        (WandbLogger, {"name": "cnn/version_3", "save_dir": "out/cnn/version_3", "project": "xray"}),
        (Folderless, {"version": "version_3"}),
    ],
)
def test_arguments_of_a_class(logger: type[Logger], expected, monkeypatch):
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    assert run_arguments(logger, {}, RUN) == expected


def test_mlflow_gets_a_folder_that_does_not_depend_on_the_working_folder():
    arguments = run_arguments(MLFlowLogger, {}, RUN)
    assert arguments == {
        "experiment_name": "cnn",
        "run_name": "version_3",
        "save_dir": str(Path("out/mlruns").absolute()),
    }


def test_what_the_user_chose_counts():
    given = {"save_dir": "mine", "name": "lightning_logs", "version": None}  # the last two are the class's defaults
    assert run_arguments(CSVLogger, given, RUN) == {"name": "cnn", "version": "version_3"}
    assert "project" not in run_arguments(WandbLogger, {"project": "lungs"}, RUN)


@pytest.mark.parametrize("logger", [CSVLogger, TensorBoardLogger])
def test_files_are_in_the_folder_of_the_run(logger: type[Logger]):
    assert Path(new_logger(logger, [], {"save_dir": None}, RUN).log_dir) == RUN.logs  # type: ignore[attr-defined]
