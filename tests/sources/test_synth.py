"""The synthetic data set has the layout of the public release, repeats by its seed and never overwrites anything."""

import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest
from PIL import Image

from xray.data.index.patients import KERMANY_PATTERN, compile_pattern, patient_of
from xray.sources import phantom
from xray.sources.synth import patients_per_class, synth
from xray.utils.errors import UserError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synth") / "data"
    synth(folder, patients=40, size=48)
    return folder


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpeg")}


def test_folders_and_file_names_are_those_of_the_release(made):
    for name in contents(made):
        assert re.fullmatch(
            r"(train|val|test)/(NORMAL/(NORMAL2-)?IM-\d{4}-000[1-4]|PNEUMONIA/person\d+_(bacteria|virus)_\d+)\.jpeg",
            name,
        )


def test_images_are_grey_jpegs_that_all_differ(made):
    files = contents(made)
    assert len(set(files.values())) == len(files)
    with Image.open(made / next(iter(files))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "L", (48, 48))


def test_patients_stay_in_one_folder_and_one_class(made):
    pattern = compile_pattern(KERMANY_PATTERN)
    places = defaultdict(set)
    for name in contents(made):
        split, class_name, file = name.split("/")
        places[patient_of(file, pattern).group].add((split, class_name))
    assert all(len(place) == 1 for place in places.values())
    assert Counter(next(iter(place)) for place in places.values()) == patients_per_class(40)


@pytest.mark.parametrize("patients", [50, 500, 5000])
def test_every_patient_is_in_a_group_and_no_group_is_empty(patients):
    counts = patients_per_class(patients)
    assert sum(counts.values()) == patients
    assert min(counts.values()) > 0


def test_the_same_seed_draws_the_same_bytes_and_more_patients_keep_the_earlier_ones(made, tmp_path):
    synth(tmp_path / "again", patients=40, size=48)
    assert contents(tmp_path / "again") == contents(made)
    synth(tmp_path / "other", patients=40, size=48, seed=1)
    assert contents(tmp_path / "other").values() != contents(made).values()
    synth(tmp_path / "more", patients=50, size=48)
    assert contents(made).items() <= contents(tmp_path / "more").items()


def test_the_readme_and_the_last_line_say_synthetic(tmp_path, capsys):
    synth(tmp_path / "data", patients=30, size=48, seed=3)
    text = (tmp_path / "data" / "README.md").read_text()
    assert "show no person" in text
    assert "seed: 3" in text
    assert "Synthetic" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [{"patients": 29}, {"patients": 5001}, {"size": 47}, {"size": 1025}, {"seed": -1}])
def test_numbers_out_of_range_are_rejected_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(UserError, match=f"--{next(iter(wrong))} {next(iter(wrong.values()))} is out of range"):
        synth(tmp_path / "data", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "keep.txt").write_text("keep")
    with pytest.raises(UserError, match="not empty"):
        synth(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(phantom, "draw_phantom", interrupt)
    with pytest.raises(KeyboardInterrupt):
        synth(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_command_loads_nothing_heavy():
    heavy = "{'numpy', 'torch', 'PIL'}"
    code = f"import sys, xray.sources.synth, xray.sources.download; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
