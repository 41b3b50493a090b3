"""Creating run folders without collisions, and finding runs and models by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xray.runs.run import Run, claim_run, find_model, newest_run, release_run, run_of_checkpoint, run_of_config
from xray.runs.settings import RunSettings
from xray.utils.errors import UserError

LOGS, CHECKPOINTS = Path("logs"), Path("checkpoints")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Give each test its own working folder, below which runs are written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def claim(experiment="cnn"):
    return claim_run(RunSettings(experiment))


def make_run(name, started=0, checkpoint=True):
    """Create the files of a finished run that started at a given time."""
    run = Run(LOGS / name, CHECKPOINTS / name)
    run.logs.mkdir(parents=True)
    run.config.touch()
    os.utime(run.config, (started, started))
    if checkpoint:
        run.checkpoints.mkdir(parents=True)
        run.best.touch()
    return run


def rejection(call, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_numbers_runs_from_zero_in_each_experiment():
    assert [claim().name, claim().name, claim("timm").name, claim().name] == [
        "cnn/version_0", "cnn/version_1", "timm/version_0", "cnn/version_2",
    ]  # fmt: skip


def test_claimed_run_has_folders_and_paths():
    run = claim()
    assert run.logs.is_dir()
    assert run.checkpoints.is_dir()
    assert run == Run(Path("logs/cnn/version_0"), Path("checkpoints/cnn/version_0"))
    assert run.config == Path("logs/cnn/version_0/config.yaml")
    assert run.best == Path("checkpoints/cnn/version_0/best.ckpt")
    assert run.last == Path("checkpoints/cnn/version_0/last.ckpt")


def test_next_number_is_free_in_logs_and_checkpoints():
    (LOGS / "cnn" / "version_3").mkdir(parents=True)
    (CHECKPOINTS / "cnn" / "version_11").mkdir(parents=True)
    (LOGS / "cnn" / "version_final").mkdir()
    (LOGS / "cnn" / "notes").mkdir()
    assert claim().name == "cnn/version_12"


def test_concurrent_processes_get_different_runs():
    code = (
        "from xray.runs.run import claim_run; from xray.runs.settings import RunSettings\n"
        "for _ in range(30): print(claim_run(RunSettings('cnn')).version)"
    )
    claiming = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    claimed = [int(number) for process in claiming for number in process.communicate()[0].split()]
    assert sorted(claimed) == list(range(90))


def test_skips_a_number_taken_by_another_process(monkeypatch):
    (LOGS / "cnn" / "version_0").mkdir(parents=True)
    # Another process creates the folder after this one has listed them.
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    assert claim().version == 1


@pytest.mark.parametrize(
    ("name", "version"), [("version_12", 12), ("final", "final"), ("version_a", "version_a"), ("7", "7")]
)
def test_version_is_a_number_or_a_name(name, version):
    assert Run(LOGS / "cnn" / name, CHECKPOINTS / "cnn" / name).version == version


@pytest.mark.parametrize("file", ["logs", "logs/cnn"])
def test_reports_a_file_with_the_name_of_the_folder(file):
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).touch()
    assert "logs/cnn/version_0" in rejection(claim)


@pytest.mark.parametrize("name", ["..", "a/b", "/tmp"])
def test_rejects_a_name_that_is_not_of_a_folder(name):
    assert "run.name" in rejection(claim, name)
    assert not LOGS.exists()


def test_reports_a_folder_that_cannot_be_written(monkeypatch):
    def fail(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", fail)
    message = rejection(claim)
    assert "Permission denied" in message
    assert "run.root" in message


@pytest.mark.parametrize("file", ["checkpoints", "checkpoints/cnn"])
def test_failing_checkpoint_folder_leaves_no_log_folder(file):
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).touch()
    assert file in rejection(claim)
    assert not (LOGS / "cnn").exists()


def test_release_removes_an_empty_run():
    run = claim()
    release_run(run)
    assert not (LOGS / "cnn").exists()
    assert not (CHECKPOINTS / "cnn").exists()
    assert claim() == run


def test_release_keeps_folders_with_files():
    first, second = claim(), claim()
    first.config.touch()
    release_run(first)
    release_run(second)
    assert first.config.is_file()
    assert not second.logs.exists()
    release_run(second)  # a second time does no harm


def test_newest_run_is_the_last_started():
    make_run("cnn/version_0", 10)
    make_run("timm/version_0", 30)
    make_run("cnn/version_1", 20)
    assert newest_run().name == "timm/version_0"
    assert newest_run(experiment="cnn").name == "cnn/version_1"


def test_higher_number_wins_if_started_at_the_same_time():
    for number in (9, 10, 8):
        make_run(f"cnn/version_{number}")
    assert newest_run().version == 10


def test_newest_run_needs_config_and_best_checkpoint(capsys):
    make_run("cnn/version_0", 10)
    make_run("cnn/version_1", 20, checkpoint=False)
    (CHECKPOINTS / "cnn" / "version_2").mkdir()
    (CHECKPOINTS / "cnn" / "version_2" / "best.ckpt").touch()
    make_run("cnn/version_3", 30).best.rename(CHECKPOINTS / "cnn" / "version_3" / "last.ckpt")
    assert newest_run().version == 0
    (line,) = capsys.readouterr().err.splitlines()  # names those that it passes over
    assert "cnn/version_0 is taken" in line
    assert "cnn/version_3, cnn/version_1" in line
    assert newest_run(kind="last").version == 3
    assert not capsys.readouterr().err


def test_finds_an_experiment_with_brackets_in_its_name():
    make_run("cnn [b]/final")
    assert newest_run(experiment="cnn [b]").name == "cnn [b]/final"


@pytest.mark.parametrize("experiment", [None, "timm"])
def test_no_run_error_says_what_to_do(experiment):
    make_run("cnn/version_0", checkpoint=experiment is not None)
    message = rejection(newest_run, experiment=experiment)
    assert "python -m xray fit --config configs/cnn.yaml" in message
    assert "--ckpt_path" in message
    assert experiment is None or "timm" in message


@pytest.mark.parametrize("start", [".", "checkpoints", "checkpoints/cnn/version_0", "elsewhere"])
def test_run_of_checkpoint_works_from_any_folder(work, monkeypatch, start):
    run = make_run("cnn/version_0")
    (work / start).mkdir(exist_ok=True)
    monkeypatch.chdir(work / start)
    for path in (work / run.best, Path(os.path.relpath(work / run.best))):
        run_found = run_of_checkpoint(path)
        assert run_found is not None
        assert run_found.logs.resolve() == work / run.logs
        assert run_found.checkpoints.resolve() == work / run.checkpoints


def test_run_of_checkpoint_resolves_parent_folders():
    make_run("cnn/version_0")
    make_run("cnn/version_1")
    run_found = run_of_checkpoint(Path("checkpoints/cnn/version_1/../version_0/best.ckpt"))
    assert run_found is not None
    assert run_found.logs.resolve() == Path("logs/cnn/version_0").resolve()


def test_run_of_checkpoint_works_with_linked_checkpoints(work):
    run = make_run("cnn/version_0")
    (work / "disk").mkdir()
    CHECKPOINTS.rename("disk/checkpoints")
    CHECKPOINTS.symlink_to("disk/checkpoints")
    assert run_of_checkpoint(run.best) == run


def test_paths_below_the_working_folder_are_relative(work):
    run = make_run("cnn/version_0")
    assert run_of_checkpoint(work / run.best) == run
    assert run_of_config(work / run.config) == run


def test_moved_checkpoint_has_no_run():
    run = make_run("cnn/version_0")
    for path in (
        "best.ckpt",
        "models/cnn/version_0/best.ckpt",
        "checkpoints/best.ckpt",
        "checkpoints/cnn/version_5/best.ckpt",
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        os.link(run.best, path)
        assert run_of_checkpoint(Path(path)) is None
    assert run_of_checkpoint(Path("/best.ckpt")) is None


def test_checkpoint_without_config_has_no_run():
    run = make_run("cnn/version_0")
    run.config.unlink()
    assert run_of_checkpoint(run.best) is None


def test_run_of_saved_config():
    run = make_run("cnn/version_0")
    assert run_of_config(run.config) == run


@pytest.mark.parametrize(
    "path", ["configs/cnn.yaml", "config.yaml", "configs/cnn/version_0/config.yaml", "logs/cnn/version_0/mine.yaml"]
)
def test_other_config_has_no_run(path):
    make_run("cnn/version_0")
    assert run_of_config(Path(path)) is None


@pytest.mark.parametrize(
    "name",
    [
        *("", "cnn", "cnn/version_1", "cnn/version_1/", "logs/cnn", "logs/cnn/version_1/", "checkpoints/cnn/"),
        *("./checkpoints/cnn/version_1", "../{work.name}/logs/cnn/version_1", "checkpoints/cnn/version_1/best.ckpt"),
    ],
)
def test_finds_a_model_by_run_experiment_or_folder(work, name):
    make_run("cnn/version_0", started=1)
    run = make_run("cnn/version_1", started=2)
    assert find_model(name.format(work=work)).resolve() == work / run.best


@pytest.mark.parametrize("name", ["checkpoints/cnn/version_1", "logs/cnn/version_1/", "logs/cnn", "checkpoints/cnn"])
def test_finds_a_model_by_a_folder_of_another_project(work, monkeypatch, name):
    make_run("cnn/version_0", started=1)
    run = make_run("cnn/version_1", started=2)
    (work / "elsewhere").mkdir()
    monkeypatch.chdir(work / "elsewhere")
    assert find_model(f"{work}/{name}") == work / run.best
    assert find_model(f"../{name}").resolve() == work / run.best


def test_finds_a_model_from_within_its_folder(monkeypatch):
    monkeypatch.chdir(make_run("cnn/version_0").checkpoints)
    assert find_model(".") == Path("best.ckpt")


def test_returns_any_existing_file():
    os.mkfifo("pipe")
    Path("m.onnx").touch()
    assert [find_model("m.onnx"), find_model("pipe")] == [Path("m.onnx"), Path("pipe")]


@pytest.mark.parametrize("name", [".", "..", "/", "logs", "checkpoints/", "cnn/version_1", "empty", "../empty"])
def test_rejects_a_folder_without_a_checkpoint(work, name):
    make_run("cnn/version_0")
    make_run("cnn/version_1", checkpoint=False)
    (work / "empty").mkdir()
    (work / "best.ckpt").mkdir()
    assert name in rejection(find_model, name)


@pytest.mark.parametrize(("name", "reason"), [("gone", "no run"), ("file/x", "no run"), ("a" * 300, "too long")])
def test_rejects_an_unknown_name(name, reason):
    Path("file").touch()
    message = rejection(find_model, name)
    assert name in message
    assert reason in message


def test_reports_a_disconnected_disk(monkeypatch):
    def fail(self, **_):
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(Path, "stat", fail)
    assert "(Transport endpoint is not connected)" in rejection(find_model, "disk/m.onnx")
