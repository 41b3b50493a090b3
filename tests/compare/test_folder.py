"""Each comparison has a folder of its own, which looks like no run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from xray.compare.folder import claim_folder, release_folder
from xray.runs.run import newest_run
from xray.utils.errors import UserError


def test_comparisons_are_numbered_from_zero():
    assert [claim_folder(None) for _ in range(3)] == [Path(f"logs/comparisons/comparison_{n}") for n in range(3)]


def test_a_gap_is_not_filled_and_other_names_do_not_count():
    for name in ("comparison_7", "comparison_x", "comparison_", "other_9"):
        Path("logs/comparisons", name).mkdir(parents=True)
    assert claim_folder(None) == Path("logs/comparisons/comparison_8")


def test_a_file_of_the_next_name_is_passed_over():
    Path("logs/comparisons").mkdir(parents=True)
    Path("logs/comparisons/comparison_0").touch()
    Path("logs/comparisons/comparison_1").symlink_to("nowhere")
    assert claim_folder(None) == Path("logs/comparisons/comparison_2")


def test_many_at_once_never_share_a_folder():
    start = Barrier(8)

    def claim(_):
        start.wait()
        return [claim_folder(None) for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        claimed = [folder for folders in pool.map(claim, range(8)) for folder in folders]
    assert len(set(claimed)) == 80


def test_a_folder_of_the_users_is_new_or_empty(tmp_path):
    assert claim_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert claim_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "a" / "b" / "kept").touch()
    with pytest.raises(UserError, match="not empty"):
        claim_folder(tmp_path / "a" / "b")


@pytest.mark.parametrize("in_the_way", ["logs", "logs/comparisons"])
def test_a_file_in_the_way_is_a_users_error(in_the_way):
    Path(in_the_way).parent.mkdir(exist_ok=True)
    Path(in_the_way).touch()
    with pytest.raises(UserError, match="--out"):
        claim_folder(None)


def test_only_an_empty_folder_is_taken_back():
    empty, full = claim_folder(None), claim_folder(None)
    (full / "comparison.json").touch()
    for folder in (empty, full):
        release_folder(folder)
    assert not empty.exists()
    assert full.exists()


def test_a_comparison_is_taken_for_no_run():
    claim_folder(None).joinpath("comparison.json").touch()
    with pytest.raises(UserError, match="No run"):
        newest_run()
