import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest
from PIL import Image

from xray.sources import phantom
from xray.sources.synth import plan, synth
from xray.utils.errors import UserError

NORMAL_NAME = re.compile(r"(?P<patient>(?:NORMAL2-)?IM-(?P<number>\d{4}))-(?P<image>\d{4})\.jpeg")
PNEUMONIA_NAME = re.compile(r"(?P<patient>person(?P<number>\d+))_(?:bacteria|virus)_(?P<image>\d+)\.jpeg")
SMALL = {"patients": 30, "size": 48}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("synth") / "images"
    synth(directory, **SMALL)
    return directory


def contents(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def images(directory):
    return {name: data for name, data in contents(directory).items() if name.endswith(".jpeg")}


def matched(case, name):
    match = (NORMAL_NAME if case.label == "NORMAL" else PNEUMONIA_NAME).fullmatch(name)
    assert match, name
    return match


def images_per_class(cases):
    counts = Counter()
    for case in cases:
        counts[case.folder, case.label] += len(case.names)
    return counts


def test_folders_classes_and_names_are_those_of_the_release(made):
    names = [path.split("/") for path in images(made)]
    assert {(folder, label) for folder, label, _ in names} == {
        (folder, label) for folder in ("train", "val", "test") for label in ("NORMAL", "PNEUMONIA")
    }
    for _, label, name in names:
        assert (NORMAL_NAME if label == "NORMAL" else PNEUMONIA_NAME).fullmatch(name)


def test_files_are_those_of_the_plan(made):
    planned = {f"{case.folder}/{case.label}/{name}" for case in plan(30, seed=0) for name in case.names}
    assert set(images(made)) == planned


def test_images_are_grey_jpegs_of_the_asked_size(made):
    for path in made.rglob("*.jpeg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "L", (48, 48))


def test_all_images_differ(made):
    every = images(made)
    assert len(set(every.values())) == len(every)


def test_readme_says_synthetic_and_how_it_was_made(tmp_path):
    synth(tmp_path / "images", seed=41, **SMALL)
    text = (tmp_path / "images" / "README.md").read_text(encoding="utf-8")
    assert "SYNTHETIC" in text
    assert "Not for any medical use" in text
    assert "seed: 41" in text
    assert "patients: 30" in text


def test_last_line_counts_the_images_and_says_synthetic(tmp_path, capsys):
    directory = tmp_path / "images [bold]"  # square brackets must not be taken for markup
    synth(directory, **SMALL)
    last = capsys.readouterr().out.strip().splitlines()[-1]
    counts = images_per_class(plan(30, seed=0))
    assert "synthetic" in last
    assert str(directory) in last
    assert f"train {counts['train', 'NORMAL']} NORMAL, {counts['train', 'PNEUMONIA']} PNEUMONIA" in last


def test_same_seed_makes_the_same_bytes_and_another_seed_others(made, tmp_path):
    synth(tmp_path / "again", **SMALL)
    synth(tmp_path / "other", seed=1, **SMALL)
    assert contents(tmp_path / "again") == contents(made)
    assert not set(images(tmp_path / "other").values()) & set(images(made).values())


def test_more_patients_leave_the_earlier_images_as_they_were(made, tmp_path):
    synth(tmp_path / "more", patients=45, size=48)
    earlier, later = images(made), images(tmp_path / "more")
    assert len(later) > len(earlier)
    assert earlier.items() <= later.items()


@pytest.mark.parametrize("patients", [30, 31, 500, 5000])
def test_patients_never_cross_folders_or_classes(patients):
    cases = plan(patients, seed=3)
    assert len(cases) == patients
    seen = Counter(matched(case, case.names[0])["number"] + case.label for case in cases)
    assert max(seen.values()) == 1
    for case in cases:
        assert len({matched(case, name)["patient"] for name in case.names}) == 1


def test_running_image_numbers_of_pneumonia_are_never_used_twice():
    numbers = [
        matched(case, name)["image"] for case in plan(5000, seed=0) if case.label == "PNEUMONIA" for name in case.names
    ]
    assert len(numbers) == len(set(numbers))


def test_patients_of_each_folder_are_one_block_of_numbers():
    numbers = defaultdict(list)
    for case in plan(500, seed=0):
        numbers[case.folder, case.label].append(int(matched(case, case.names[0])["number"]))
    for block in numbers.values():
        assert sorted(block) == list(range(min(block), max(block) + 1))


def test_default_set_has_the_promised_size_and_balance():
    cases = plan(500, seed=0)
    counts = images_per_class(cases)
    train, test = (
        counts["train", "NORMAL"] + counts["train", "PNEUMONIA"],
        sum(counts["test", label] for label in ("NORMAL", "PNEUMONIA")),
    )
    assert 700 <= train <= 900
    assert 170 <= test <= 230
    assert 1.7 < counts["train", "PNEUMONIA"] / counts["train", "NORMAL"] < 2.3
    assert 1.2 < counts["test", "PNEUMONIA"] / counts["test", "NORMAL"] < 1.8
    assert {len(case.names) for case in cases} == {1, 2, 3, 4}
    assert {case.kind for case in cases} == {"normal", "bacteria", "virus"}
    series = {case.names[0].split("IM")[0] for case in cases if case.label == "NORMAL"}
    assert series == {"", "NORMAL2-"}


@pytest.mark.parametrize("patients", [30, 500])
@pytest.mark.parametrize("seed", [0, 7])
def test_val_holds_eight_images_of_each_class(patients, seed):
    counts = images_per_class(plan(patients, seed))
    assert counts["val", "NORMAL"] == counts["val", "PNEUMONIA"] == 8


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"patients": 29}, "patients 29"),
        ({"patients": 5001}, "patients 5001"),
        ({"size": 47}, "size 47"),
        ({"size": 1025}, "size 1025"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_numbers_out_of_range_are_rejected_before_anything_is_made(tmp_path, wrong, named):
    with pytest.raises(UserError, match=named) as rejection:
        synth(tmp_path / "images", **wrong)
    assert "\n" not in str(rejection.value)
    assert not list(tmp_path.iterdir())


def test_folder_that_holds_something_is_rejected_and_left_alone(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=r"images is not empty"):
        synth(tmp_path / "images", **SMALL)
    assert contents(tmp_path) == {"images/notes.txt": b"mine"}


def test_file_in_the_way_is_rejected_and_left_alone(tmp_path):
    (tmp_path / "images").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="images is a file"):
        synth(tmp_path / "images", **SMALL)
    with pytest.raises(UserError, match="cannot be made"):
        synth(tmp_path / "images" / "inside", **SMALL)
    assert contents(tmp_path) == {"images": b"mine"}


def test_working_folder_is_rejected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="working folder"):
        synth(tmp_path, **SMALL)


def test_empty_folder_is_filled(made, tmp_path):
    (tmp_path / "images").mkdir()
    synth(tmp_path / "images", **SMALL)
    assert contents(tmp_path / "images") == contents(made)


def fail_after(images, error, monkeypatch):
    drawn = []
    real = phantom.draw_phantom

    def drawing(*args):
        drawn.append(args)
        if len(drawn) > images:
            raise error
        return real(*args)

    monkeypatch.setattr(phantom, "draw_phantom", drawing)


def test_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    fail_after(5, KeyboardInterrupt(), monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        synth(tmp_path / "images", **SMALL)
    assert not list(tmp_path.iterdir())


def test_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    fail_after(5, OSError(28, "No space left on device"), monkeypatch)
    with pytest.raises(UserError, match=r"images cannot be written: No space left on device"):
        synth(tmp_path / "images", **SMALL)
    assert not list(tmp_path.iterdir())


def test_importing_the_command_loads_nothing_heavy():
    heavy = "{'numpy', 'PIL', 'rich', 'torch'}"
    code = f"import sys, xray.sources.synth; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
