"""Each run has one place, which no other run can get, and is found again."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from threading import Barrier

import pytest

from xray.runs.run import Run, claim_run, find_model, newest_run, release_run, run_of_checkpoint, run_of_config
from xray.utils.errors import UserError

LOGS, CHECKPOINTS = Path("logs"), Path("checkpoints")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Runs are written below the working folder: give each test one of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def claim(experiment="cnn", version=None):
    return claim_run(LOGS, CHECKPOINTS, experiment, version)


def make_run(name, began=0, checkpoint=True):
    """A run as a fit leaves it behind, begun at a given time."""
    run = Run(LOGS / name, CHECKPOINTS / name)
    run.logs.mkdir(parents=True)
    run.config.touch()
    os.utime(run.config, (began, began))
    if checkpoint:
        run.checkpoints.mkdir(parents=True)
        run.best.touch()
    return run


def rejection(call, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_runs_are_numbered_from_zero_for_each_experiment():
    assert [claim().name, claim().name, claim("timm").name, claim().name] == [
        "cnn/version_0", "cnn/version_1", "timm/version_0", "cnn/version_2",
    ]  # fmt: skip


def test_a_claimed_run_has_its_folders_and_the_paths_of_all_its_files():
    run = claim()
    assert run.logs.is_dir()
    assert run.checkpoints.is_dir()
    assert run == Run(Path("logs/cnn/version_0"), Path("checkpoints/cnn/version_0"))
    assert run.config == Path("logs/cnn/version_0/config.yaml")
    assert run.best == Path("checkpoints/cnn/version_0/best.ckpt")
    assert run.last == Path("checkpoints/cnn/version_0/last.ckpt")


def test_the_next_number_is_free_among_records_and_checkpoints():
    (LOGS / "cnn" / "version_3").mkdir(parents=True)
    (CHECKPOINTS / "cnn" / "version_11").mkdir(parents=True)
    (LOGS / "cnn" / "version_final").mkdir()
    (LOGS / "cnn" / "notes").mkdir()
    assert claim().name == "cnn/version_12"


def test_a_lost_record_does_not_free_the_number_of_its_checkpoints():
    (CHECKPOINTS / "cnn" / "version_0").mkdir(parents=True)
    assert claim().version == 1


def test_threads_that_claim_at_once_never_share():
    barrier = Barrier(8)

    def claim_five(_):
        barrier.wait()
        return [claim().version for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        claimed = list(chain.from_iterable(pool.map(claim_five, range(8))))
    assert sorted(claimed) == list(range(40))


def test_processes_that_claim_at_once_never_share():
    code = (
        "from pathlib import Path; from xray.runs.run import claim_run\n"
        "for _ in range(30): print(claim_run(Path('logs'), Path('checkpoints'), 'cnn').version)"
    )
    claiming = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    claimed = [int(word) for process in claiming for word in process.communicate()[0].split()]
    assert sorted(claimed) == list(range(90))


def test_a_number_taken_between_looking_and_making_is_passed_over(monkeypatch):
    (LOGS / "cnn" / "version_0").mkdir(parents=True)
    # What another process makes after this one has looked.
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    assert claim().version == 1


@pytest.mark.parametrize(("version", "name"), [(4, "version_4"), ("final", "final"), ("version_7", "version_7")])
def test_a_version_may_be_chosen_once(version, name):
    run = claim(version=version)
    assert run.logs == LOGS / "cnn" / name
    message = rejection(claim, version=version)
    assert f"cnn/{name} exists" in message
    assert "trainer.logger.version" in message


def test_a_chosen_version_is_rejected_where_only_its_checkpoints_are_left():
    (CHECKPOINTS / "cnn" / "version_4").mkdir(parents=True)
    rejection(claim, version=4)
    assert not LOGS.exists()


@pytest.mark.parametrize(
    ("name", "version"), [("version_12", 12), ("final", "final"), ("version_a", "version_a"), ("7", "7")]
)
def test_a_version_is_a_number_or_a_name(name, version):
    assert Run(LOGS / "cnn" / name, CHECKPOINTS / "cnn" / name).version == version


@pytest.mark.parametrize("version", [None, 0])
@pytest.mark.parametrize("file", ["logs", "logs/cnn", "logs/cnn/version_0"])
def test_a_file_in_the_way_is_told(file, version):
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).touch()
    if version is None and file.endswith("0"):
        # The next number is free.
        assert claim().version == 1
    else:
        assert "logs/cnn/version_0" in rejection(claim, version=version)


@pytest.mark.parametrize("version", [None, 0])
def test_a_folder_that_cannot_be_written_is_told(monkeypatch, version):
    def fail(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", fail)
    message = rejection(claim, version=version)
    assert "Permission denied" in message
    assert "save_dir" in message


@pytest.mark.parametrize("file", ["checkpoints", "checkpoints/cnn"])
def test_a_run_whose_checkpoints_have_no_place_leaves_no_record(file):
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).touch()
    assert file in rejection(claim)
    assert not (LOGS / "cnn").exists()


def test_release_takes_back_a_run_that_wrote_nothing():
    run = claim()
    release_run(run)
    assert not (LOGS / "cnn").exists()
    assert not (CHECKPOINTS / "cnn").exists()
    assert claim() == run


def test_release_keeps_what_is_not_empty():
    first, second = claim(), claim()
    first.config.touch()
    release_run(first)
    release_run(second)
    assert first.config.is_file()
    assert not second.logs.exists()
    release_run(second)  # once more does no harm


def test_the_newest_run_is_the_one_begun_last():
    make_run("cnn/version_0", 10)
    make_run("timm/version_0", 30)
    make_run("cnn/version_1", 20)
    assert newest_run().name == "timm/version_0"
    assert newest_run(experiment="cnn").name == "cnn/version_1"


def test_of_runs_begun_at_once_the_higher_number_is_newest():
    for number in (9, 10, 8):
        make_run(f"cnn/version_{number}")
    assert newest_run().version == 10


def test_runs_without_a_best_checkpoint_or_a_config_are_passed_over():
    make_run("cnn/version_0", 10)
    make_run("cnn/version_1", 20, checkpoint=False)
    (CHECKPOINTS / "cnn" / "version_2").mkdir()
    (CHECKPOINTS / "cnn" / "version_2" / "best.ckpt").touch()
    make_run("cnn/version_3", 30).best.rename(CHECKPOINTS / "cnn" / "version_3" / "last.ckpt")
    assert newest_run().version == 0


def test_runs_of_a_chosen_name_are_found():
    make_run("cnn/final")
    assert newest_run(experiment="cnn").version == "final"


def test_an_experiment_with_brackets_in_its_name_is_found():
    make_run("cnn [b]/version_0")
    assert newest_run(experiment="cnn [b]").name == "cnn [b]/version_0"


@pytest.mark.parametrize("experiment", [None, "timm"])
def test_no_run_is_told_with_what_to_do(experiment):
    make_run("cnn/version_0", checkpoint=experiment is not None)
    message = rejection(newest_run, experiment=experiment)
    assert "python -m xray fit --config configs/cnn.yaml" in message
    assert "--ckpt_path" in message
    assert experiment is None or "timm" in message


@pytest.mark.parametrize("start", [".", "checkpoints", "checkpoints/cnn/version_0", "elsewhere"])
def test_a_checkpoint_tells_its_run_from_wherever_it_is_named(work, monkeypatch, start):
    run = make_run("cnn/version_0")
    (work / start).mkdir(exist_ok=True)
    monkeypatch.chdir(work / start)
    for named in (work / run.best, Path(os.path.relpath(work / run.best))):
        found = run_of_checkpoint(named)
        assert found is not None
        assert found.logs.resolve() == work / run.logs
        assert found.checkpoints.resolve() == work / run.checkpoints


def test_a_checkpoint_reached_by_way_of_another_run_tells_its_own():
    make_run("cnn/version_0")
    make_run("cnn/version_1")
    found = run_of_checkpoint(Path("checkpoints/cnn/version_1/../version_0/best.ckpt"))
    assert found is not None
    assert found.logs.resolve() == Path("logs/cnn/version_0").resolve()


def test_checkpoints_on_another_disk_tell_their_run(work):
    run = make_run("cnn/version_0")
    (work / "disk").mkdir()
    CHECKPOINTS.rename("disk/checkpoints")
    CHECKPOINTS.symlink_to("disk/checkpoints")
    assert run_of_checkpoint(run.best) == run


def test_paths_below_the_working_folder_are_told_as_people_write_them(work):
    run = make_run("cnn/version_0")
    assert run_of_checkpoint(work / run.best) == run
    assert run_of_config(work / run.config) == run


def test_a_moved_checkpoint_has_no_run():
    run = make_run("cnn/version_0")
    for place in (
        "best.ckpt",
        "models/cnn/version_0/best.ckpt",
        "checkpoints/best.ckpt",
        "checkpoints/cnn/version_5/best.ckpt",
    ):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        os.link(run.best, place)
        assert run_of_checkpoint(Path(place)) is None
    assert run_of_checkpoint(Path("/best.ckpt")) is None


def test_checkpoints_whose_record_is_gone_have_no_run():
    run = make_run("cnn/version_0")
    run.config.unlink()
    assert run_of_checkpoint(run.best) is None


def test_a_saved_config_tells_its_run():
    run = make_run("cnn/version_0")
    assert run_of_config(run.config) == run


@pytest.mark.parametrize(
    "place", ["configs/cnn.yaml", "config.yaml", "configs/cnn/version_0/config.yaml", "logs/cnn/version_0/mine.yaml"]
)
def test_any_other_config_has_no_run(place):
    make_run("cnn/version_0")
    assert run_of_config(Path(place)) is None


@pytest.mark.parametrize(
    "named",
    [
        *("", "cnn", "cnn/version_1", "cnn/version_1/", "logs/cnn", "logs/cnn/version_1/", "checkpoints/cnn/"),
        *("./checkpoints/cnn/version_1", "../{work.name}/logs/cnn/version_1", "checkpoints/cnn/version_1/best.ckpt"),
    ],
)
def test_a_model_is_found_by_its_run_or_experiment_or_a_folder_of_either(work, named):
    make_run("cnn/version_0", began=1)
    run = make_run("cnn/version_1", began=2)
    assert find_model(named.format(work=work)).resolve() == work / run.best


@pytest.mark.parametrize("named", ["checkpoints/cnn/version_1", "logs/cnn/version_1/", "logs/cnn", "checkpoints/cnn"])
def test_a_model_is_found_by_a_folder_of_another_project(work, monkeypatch, named):
    make_run("cnn/version_0", began=1)
    run = make_run("cnn/version_1", began=2)
    (work / "elsewhere").mkdir()
    monkeypatch.chdir(work / "elsewhere")
    assert find_model(f"{work}/{named}") == work / run.best
    assert find_model(f"../{named}").resolve() == work / run.best


def test_a_model_is_found_from_within_its_run(monkeypatch):
    monkeypatch.chdir(make_run("cnn/version_0").checkpoints)
    assert find_model(".") == Path("best.ckpt")


def test_any_file_is_taken_as_named():
    os.mkfifo("pipe")
    Path("m.onnx").touch()
    assert [find_model("m.onnx"), find_model("pipe")] == [Path("m.onnx"), Path("pipe")]


@pytest.mark.parametrize("named", [".", "..", "/", "logs", "checkpoints/", "cnn/version_1", "empty", "../empty"])
def test_a_folder_without_a_checkpoint_is_told(work, named):
    make_run("cnn/version_0")
    make_run("cnn/version_1", checkpoint=False)
    (work / "empty").mkdir()
    (work / "best.ckpt").mkdir()
    assert named in rejection(find_model, named)


@pytest.mark.parametrize(("named", "reason"), [("gone", "no run"), ("file/x", "no run"), ("a" * 300, "too long")])
def test_a_name_of_nothing_is_told(named, reason):
    Path("file").touch()
    message = rejection(find_model, named)
    assert named in message
    assert reason in message


def test_a_model_on_a_disk_that_has_gone_is_told(monkeypatch):
    def fail(self, **_):
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(Path, "stat", fail)
    assert "(Transport endpoint is not connected)" in rejection(find_model, "disk/m.onnx")
