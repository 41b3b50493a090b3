"""A table of images gives what its folders give, with subgroups by its further columns."""

import csv
import re
from pathlib import Path

from tests.conftest import CLASSES
from tests.end_to_end.commands import fit, metrics, run, table


def write_table(path: Path, root: Path, *splits: str) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "patient", "split", "sex", "PatientName"])
        for split in splits:
            for name in CLASSES:
                for image in sorted((root / split / name).iterdir()):
                    patient = re.split(r"[-_]\d+\.", image.name)[0]
                    sex = "FM"[int(re.findall(r"\d+", patient)[-1]) % 2]
                    writer.writerow([image, name, patient, split, sex, "Doe"])
    return path


def test_a_table_of_images(trained: None, images: Path) -> None:
    labels = write_table(Path("labels.csv"), images, "train", "val", "test")
    fit(labels)
    own, folders = (table(f"logs/cnn/version_{i}/split.csv") for i in (1, 0))
    assert [(row["digest"], row["split"]) for row in own] == [(row["digest"], row["split"]) for row in folders]

    run("test")
    folder = Path("logs/cnn/version_1/test")
    assert set(table(folder / "columns.csv")[0]) == {"path", "sex"}
    for _ in range(2):
        groups = {group["name"]: group for group in metrics("cnn/version_1")["subgroups"] if "sex" in group["family"]}
        assert set(groups) == {"F", "M"}
        assert all(group["auroc"]["value"] is not None for group in groups.values())
        (folder / "metrics.json").unlink()
        run("report")
    assert "Doe" not in (folder / "report.html").read_text()

    run("export", "--out", "model.onnx")
    # All images of a folder instead.
    run("calibrate", "--data.root", images / "test")


def test_class_folders_alone_are_enough(trained: None, images: Path) -> None:
    fit(images / "train", "--data.test_fraction", 0.3)
    split = {row["path"]: row["split"] for row in table("logs/cnn/version_1/split.csv")}
    assert set(split.values()) == {"train", "val", "test"}
    run("test")
    tested = {row["path"] for row in table("logs/cnn/version_1/test/predictions.csv")}
    assert tested == {str(images / "train" / path) for path, name in split.items() if name == "test"}
    # All images of another folder, whatever the fraction.
    run("test", "--data.root", images)
    tested = {row["path"] for row in table("logs/cnn/version_1/test/predictions.csv")}
    assert tested == {str(path) for path in (images / "test").glob("*/*")}
