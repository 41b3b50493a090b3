"""Calibration, evaluation, report and comparison of whole runs, through the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageOps

from tests.end_to_end.commands import BEST, CNN, RUN, fit, metrics, run, table
from xray.cli import main
from xray.data.datamodule import ChestXRayDataModule
from xray.evaluation.operating_point import OperatingPoint, choose_threshold
from xray.evaluation.scaling import fit_scaling
from xray.predictor.checkpoint import CheckpointPredictor
from xray.runs.checkpoint import BASELINES_KEY, DECISION_KEY, read_checkpoint
from xray.scoring.corruptions import CORRUPTIONS


def decision() -> dict[str, object]:
    return dict(read_checkpoint(BEST).record(DECISION_KEY))


def spoil_test_images(root: Path) -> None:
    """Swap the classes of all test images, and turn them upside down."""
    test = root / "test"
    (test / "NORMAL").rename(test / "swap")
    (test / "PNEUMONIA").rename(test / "NORMAL")
    (test / "swap").rename(test / "PNEUMONIA")
    for path in test.rglob("*.jpeg"):
        ImageOps.flip(Image.open(path)).save(path)


def test_a_fit_ends_with_a_decision_from_its_validation_images(trained):
    fitted = decision()
    run("validate")
    rows = table(f"{RUN}/validate/predictions.csv")
    labels = np.array([row["label"] == "PNEUMONIA" for row in rows], dtype=np.int64)
    logits = np.array([float(row["logit"]) for row in rows])
    scaling = fit_scaling(labels, logits, [row["patient"] for row in rows])
    assert (fitted["temperature"], fitted["offset"]) == pytest.approx((scaling.temperature, scaling.offset), rel=1e-4)
    probability = scaling.probability(logits)
    assert fitted["threshold"] == pytest.approx(choose_threshold(labels, probability, OperatingPoint()), abs=1e-6)
    assert [float(row["probability"]) for row in rows] == pytest.approx(probability.tolist())
    decided = [row["decision"] == "PNEUMONIA" for row in rows]
    assert decided == (probability >= fitted["threshold"]).tolist()
    assert json.loads((RUN / "decision.json").read_text()) == fitted


def test_test_images_choose_nothing(tested, trained_once: Path, images: Path):
    """A run whose test images are others, under other labels, ends with the same checkpoint, bit for bit."""
    spoilt = Path("spoilt")
    shutil.copytree(images, spoilt)
    spoil_test_images(spoilt)
    fit(spoilt)
    first, second = (read_checkpoint(Path(f"checkpoints/cnn/version_{n}/best.ckpt")) for n in (0, 1))
    for name, tensor in first.content["state_dict"].items():
        assert torch.equal(tensor, second.content["state_dict"][name]), name
    one, other = (each.record(DECISION_KEY) for each in (first, second))
    assert one | {"fitted_on": None} == other | {"fitted_on": None}
    assert one["fitted_on"]["fingerprint"] == other["fitted_on"]["fingerprint"]
    assert first.record(BASELINES_KEY) == second.record(BASELINES_KEY)
    # The first run was tested, which must not have changed it; and the test images do differ.
    assert read_checkpoint(trained_once / BEST).record(DECISION_KEY) == one
    run("test")
    auroc, other_auroc = (metrics(f"cnn/version_{n}")["metrics"]["auroc"]["value"] for n in (0, 1))
    assert auroc != other_auroc


def test_nothing_that_decides_can_reach_test_images(images: Path, monkeypatch):
    """Fit and calibrate read no pixel of the test folder and ask for no test batch."""
    asked: list[str] = []
    for name in ("grey_images", "files"):
        method = getattr(ChestXRayDataModule, name)
        monkeypatch.setattr(
            ChestXRayDataModule,
            name,
            lambda self, split, *rest, method=method: asked.append(split) or method(self, split, *rest),
        )
    monkeypatch.setattr(ChestXRayDataModule, "test_dataloader", lambda self: pytest.fail("test images were asked for"))
    fit(images)
    run("calibrate")
    assert set(asked) == {"train", "val"}


def test_calibrate_does_not_train(tested, images: Path, make):
    before = read_checkpoint(BEST)
    words = ["--model.operating_point.rule", "sensitivity", "--model.operating_point.target", "1.0"]
    run("calibrate", *words, "--data.root", make("other", seed=5), "--data.validation", "folder")
    fitted = decision()
    assert (fitted["rule"], fitted["target"], fitted["sensitivity"]) == ("sensitivity", 1.0, 1.0)
    assert [each["rule"] for each in fitted["earlier"]] == ["youden"]
    after = read_checkpoint(BEST)
    for name, tensor in before.content["state_dict"].items():
        assert name in {"threshold", "temperature", "offset"} or torch.equal(tensor, after.content["state_dict"][name])
    run("test")
    assert metrics("cnn/version_0")["threshold"] == pytest.approx(fitted["threshold"])
    assert metrics("cnn/version_0", "test_1")["threshold"] != metrics("cnn/version_0")["threshold"]
    run("predict", images / "test", "--out", "out.csv")
    expected = {row["path"]: row["decision"] for row in table(f"{RUN}/test/predictions.csv")}
    assert {row["path"]: row["decision"] for row in table("out.csv")} == expected


def test_calibrate_takes_another_validation_set(trained, make):
    other = make("other", seed=5, patients={"train": (1, 1), "val": (4, 5)})
    run("calibrate", "--data.root", other, "--data.validation", "folder")
    on = decision()["fitted_on"]
    assert (on["data_root"], on["validation"], on["images"], on["patients"]) == (str(other), "folder", 18, 9)


def test_images_of_a_decision_are_no_test_images(trained, make, capsys):
    other = make("other", seed=5) / "test"
    run("calibrate", "--data.root", other)
    assert main(["test", "--data.root", str(other)]) == 1
    assert "images that its decision was fitted on and test share patients or files" in capsys.readouterr().err
    run("test", "--data.root", other, "--data.overlaps", "accept")
    assert "Accepted: images that its decision was fitted on" in (RUN / "external/test/report.html").read_text()
    run("test")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data.class_names", "[PNEUMONIA,NORMAL]"], "swaps the classes of the training"),
        (["--data.resize", "pad"], "There is no option --data.resize"),
        (["--data.image_size", "48"], "There is no option --data.image_size"),
        (["--trainer.limit_val_batches", "0.5"], "There is no option --trainer.limit_val_batches"),
    ],
)
def test_calibrate_stores_nothing_that_predict_would_not_do(words, expected, trained, capsys):
    before = BEST.read_bytes()
    assert main(["calibrate", *words]) > 0
    assert expected in capsys.readouterr().err
    assert BEST.read_bytes() == before


def test_calibrate_names_outdated_exports_and_keeps_the_record_of_the_best(trained, capsys):
    BEST.with_name("best.int8.onnx").touch()
    run("calibrate")
    assert "export again: best.int8.onnx" in capsys.readouterr().out
    record = (RUN / "decision.json").read_bytes()
    run("calibrate", "--ckpt_path", "last")
    assert "it needs at least 100 training images" in capsys.readouterr().out
    assert (RUN / "decision.json").read_bytes() == record
    assert json.loads(BEST.with_name("last.decision.json").read_text())["temperature"] > 0


def test_validate_elsewhere_is_external(trained, make):
    other = make("other", seed=5)
    shutil.rmtree(other / "train")
    run("validate")
    run("validate", "--data.root", other)
    assert json.loads((RUN / "external/other/source.json").read_text())["set"] == "validate"
    assert not (RUN / "validate_1").exists()


def test_manifest_has_the_figures_of_the_test_with_the_same_decision(tested):
    path, shares = RUN / "test/metrics.json", ("sensitivity", "specificity")
    written = json.loads(path.read_text())
    expected = {name: written["metrics"][name] for name in shares} | {"images": written["images"]}
    recorded = CheckpointPredictor(read_checkpoint(BEST)).manifest.decision
    assert recorded is not None
    assert {name: recorded["test"][name] for name in expected} == expected
    path.write_text(json.dumps(written | {"threshold": 0.123}))
    recorded = CheckpointPredictor(read_checkpoint(BEST)).manifest.decision
    assert recorded is not None
    assert "test" not in recorded


def test_test_is_no_failure_beside_results_of_an_earlier_version(trained, capsys):
    (RUN / "validate").mkdir()
    for name in ("predictions.csv", "source.json", "films.csv"):
        (RUN / "validate" / name).touch()
    run("test")
    assert "Not rebuilt: logs/cnn/version_0/validate was written by an earlier version" in capsys.readouterr().out
    assert (RUN / "test/report.html").is_file()


def test_calibrate_rejects_images_of_the_training(trained, capsys):
    before = BEST.read_bytes()
    assert main(["calibrate", "--data.split_seed", "3"]) == 1
    assert "images that the model was trained on" in capsys.readouterr().err
    assert BEST.read_bytes() == before
    run("calibrate", "--data.split_seed", "3", "--data.overlaps", "accept")
    assert any("Accepted" in note for note in decision()["fitted_on"]["notes"])
    run("test")
    assert "Operating point: Accepted" in (RUN / "test/report.html").read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rule", "sensitivity"], "target is missing"),
        (["target", "0.5"], "has no effect with the rule youden"),
        (["rule", "sensitivty"], "sensitivity"),
        (["target", "much"], "'much' is not a number"),
    ],
)
def test_wrong_operating_point_is_one_line(words, expected, images: Path, capsys):
    status = main(
        ["fit", "--config", str(CNN), "--data.root", str(images), f"--model.operating_point.{words[0]}", words[1]]
    )
    assert status in {1, 2}
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("xray: error: ")
    assert expected in error
    assert not list(Path("logs").glob("*/*"))


def test_another_source_is_external_and_stands_beside_the_test(tested, make):
    own = (RUN / "test" / "metrics.json").read_bytes()
    other = make("elsewhere", seed=5, patients={"test": (5, 6)})
    run("test", "--data.root", other)
    outside = metrics("cnn/version_0", "external/elsewhere")
    assert outside["source"]["external"] is True
    assert outside["images"] == 22
    assert outside["threshold"] == metrics("cnn/version_0")["threshold"]
    assert metrics("cnn/version_0")["source"]["external"] is False
    assert (RUN / "test" / "metrics.json").read_bytes() == own
    run("report")
    for page in (RUN / "test" / "report.html", RUN / "external/elsewhere/report.html"):
        text = page.read_text()
        assert "elsewhere" in text
        assert f"{outside['metrics']['auroc']['value']:.3f}" in text


def test_the_own_images_in_another_place_are_not_external(trained, images: Path):
    moved = Path("moved")
    images.rename(moved)
    run("test", "--data.root", moved)
    assert metrics("cnn/version_0")["source"]["external"] is False
    assert not (RUN / "external").exists()


def test_robustness_scores_every_corruption_at_every_strength(trained):
    run("test", "--robustness")
    curves = metrics("cnn/version_0")["robustness"]
    assert curves.keys() == CORRUPTIONS.keys()
    values = metrics("cnn/version_0")["metrics"]
    for rows in curves.values():
        assert [row["strength"] for row in rows] == [0, 1, 2, 3, 4, 5]
        assert rows[0]["auroc"]["value"] == values["auroc"]["value"]
        assert rows[0]["specificity"]["value"] == values["specificity"]["value"]
    assert (RUN / "test/figures/robustness.png").is_file()
    run("test")  # which does not take that long again
    assert metrics("cnn/version_0")["robustness"] == curves


def test_a_report_is_redone_to_the_byte_from_the_tables(tested):
    made = {path: path.read_bytes() for path in (RUN / "test").rglob("*") if path.is_file()}
    for path in made:
        if path.name in {"metrics.json", "report.html", "model_card.md"}:
            path.unlink()
    shutil.rmtree(RUN / "test" / "figures")
    shutil.rmtree("checkpoints")
    run("report", "cnn/version_0")
    assert {path: path.read_bytes() for path in (RUN / "test").rglob("*") if path.is_file()} == made


def test_a_part_of_the_images_leaves_no_result(trained, capsys):
    run("test", "--trainer.limit_test_batches", "0.5")
    assert "nothing is written" in capsys.readouterr().out
    assert not (RUN / "test").exists()


def test_two_seeds_are_compared(tested, images: Path, capsys):
    fit(images, "--seed_everything", 1)
    run("test")
    run("compare", "cnn/version_0", "cnn/version_1")
    assert "cnn/version_1" in capsys.readouterr().out
    assert Path("logs/comparisons/comparison_0/comparison.json").is_file()
    shutil.move(next((images / "test" / "NORMAL").iterdir()), "gone.jpeg")
    run("test")  # the comparison is not taken for a run
    assert main(["compare", "cnn/version_0", "cnn/version_1"]) == 1
    assert "images" in capsys.readouterr().err


def test_an_audit_says_by_its_status_whether_something_blocks(images: Path, capsys):
    assert main(["audit", str(images)]) == 0
    shutil.copy(images / "train/NORMAL/IM-0101-0001.jpeg", images / "test/PNEUMONIA/person999_virus_1.jpeg")
    assert main(["audit", str(images)]) == 1
    assert "person999_virus_1.jpeg" in capsys.readouterr().out


def test_a_checkpoint_from_before_decisions_still_tests(trained, capsys):
    content = torch.load(BEST, weights_only=True)
    for key in (DECISION_KEY, BASELINES_KEY, "xray_data", "xray_code"):
        del content[key]
    config = yaml.safe_load(content["xray_config"])
    del config["model"]["init_args"]["operating_point"]
    content["xray_config"] = yaml.safe_dump(config)
    content["state_dict"] |= {"temperature": torch.tensor(1.0), "threshold": torch.tensor(0.5)}
    torch.save(content, BEST)
    run("test")
    summary = metrics("cnn/version_0")
    assert summary["source"]["decision"] is None
    assert summary["shortcuts"]["conclusion"] is None
    assert "python -m xray calibrate" in (RUN / "test/report.html").read_text()
