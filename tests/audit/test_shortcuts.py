"""What gives the class away without any lung."""

import numpy as np
import pytest
from PIL import Image
from tests.audit.conftest import scan_of
from tests.conftest import make_images

from xray.audit.measures import measure_shortcuts


def write(
    root, shape_of, mode_of=lambda label: "L", suffix="jpeg", patients=24, side="train", level_of=lambda label: 100
):
    """Images of one class of pixels, whose size, mode and brightness depend on the label."""
    rng = np.random.default_rng(0)
    for label, class_name in enumerate(("NORMAL", "PNEUMONIA")):
        where = root / side / class_name
        where.mkdir(parents=True, exist_ok=True)
        for patient in range(patients):
            number = patient + (500 if side == "test" else 0)
            name = f"IM-{number}-1" if label == 0 else f"person{number}_virus_1"
            width, height = shape_of(label, rng)
            pixels = np.clip(rng.normal(level_of(label), 30, (height, width)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).convert(mode_of(label)).save(where / f"{name}.{suffix}")
    return root


def square(label, rng):
    return (48, 48)


def test_images_of_one_shape_and_brightness_have_no_shortcut(tmp_path, found):
    findings = found(write(tmp_path / "set", square))
    assert not {"shape-tells-class", "mode-of-one-class", "format-of-one-class"} & set(findings)
    assert findings["shortcut-baseline"].severity == "note"


def test_size_and_aspect_that_tell_the_class_are_told_with_their_medians(tmp_path, found):
    root = write(tmp_path / "set", lambda label, rng: (60 + 40 * label, 60))
    finding = found(root)["shape-tells-class"]
    assert "width (AUROC 1.00; medians 60 and 100)" in finding.title
    assert "aspect (AUROC 1.00; medians 1.00 and 1.67" in finding.title
    assert "height" not in finding.title
    baseline = found(root)["shortcut-baseline"]
    assert baseline.severity == "warning"
    assert "size and mode of the file 1.000" in baseline.title


def test_a_mode_of_one_class_is_told_with_its_files(tmp_path, found):
    root = write(tmp_path / "set", square)
    for number in (3, 5):
        path = root / f"train/PNEUMONIA/person{number}_virus_1.jpeg"
        Image.open(path).convert("RGB").save(path)
    finding = found(root)["mode-of-one-class"]
    assert finding.title == "Only PNEUMONIA has files of mode RGB (2 of 24)."
    assert finding.files == ["train/PNEUMONIA/person3_virus_1.jpeg", "train/PNEUMONIA/person5_virus_1.jpeg"]


def test_a_format_of_one_class_is_told(tmp_path, found):
    root = write(tmp_path / "set", square)
    for path in list((root / "train/NORMAL").iterdir()):
        Image.open(path).save(path.with_suffix(".png"))
        path.unlink()
    assert found(root)["format-of-one-class"].title == (
        "Only NORMAL has files of format PNG (24 of 24), only PNEUMONIA has files of format JPEG (24 of 24)."
    )


def test_brightness_that_tells_the_class_makes_a_high_baseline_also_on_test(tmp_path, found):
    root = tmp_path / "set"
    for side in ("train", "test"):
        write(root, square, side=side, level_of=lambda label: 90 + 30 * label)
    finding = found(root)["shortcut-baseline"]
    assert finding.severity == "warning"
    assert "sharpness 1.000 (on test 1.000)" in finding.title


@pytest.mark.parametrize(("level", "severity"), [(100, "note"), (140, "warning")])
def test_a_test_side_that_differs_is_told(tmp_path, found, level, severity):
    root = write(tmp_path / "set", square, patients=40)
    write(root, square, side="test", level_of=lambda label: level, patients=40)
    assert found(root)["test-differs"].severity == severity


def test_too_few_images_are_not_judged(images):
    measured = measure_shortcuts(scan_of(make_images(images.parent / "few", patients={"train": (3, 3)})))
    assert set(measured["baseline"]["statistics"].values()) == {None}
    assert set(measured["single"].values()) == {None}
    assert set(measured["test_from_rest"].values()) == {None}


def test_figures_are_of_the_images_outside_test(images):
    by_class = measure_shortcuts(scan_of(images))["by_class"]
    assert {name: row["images"] for name, row in by_class.items()} == {"NORMAL": 28, "PNEUMONIA": 36}
    assert by_class["NORMAL"]["modes"] == {"L": 28}


def test_imbalance_is_told_with_the_accuracy_it_gives_away(make, found):
    finding = found(make("uneven", patients={"train": (4, 12)}))["class-imbalance"]
    assert "8 images of NORMAL and 24 of PNEUMONIA: 1 to 3.0" in finding.title
    assert "always predicts PNEUMONIA has an accuracy of 0.75" in finding.why
