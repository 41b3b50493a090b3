"""Random scored sets with images, as `test` writes them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xray.evaluation.calibration import probability_of
from xray.evaluation.predictions import Predictions, decide
from xray.evaluation.scored_set import ScoredSet, write_scored_set
from xray.evaluation.summary import summarise
from xray.report.build import write_reports
from xray.runs.history import read_history

CLASSES = ["NORMAL", "PNEUMONIA"]
CORRUPTIONS = ("exposure", "contrast", "blur", "noise", "jpeg", "shift", "rotation", "resampling")
TEMPERATURE, THRESHOLD = 1.3, 0.4
SPLITS = {
    split: {
        "images": count,
        "patients": count // 2,
        "images_by_class": {"NORMAL": count - 3, "PNEUMONIA": 3},
        "fingerprint": f"{split}-fingerprint",
    }
    for split, count in (("train", 4207), ("val", 466))
}


def source(class_names=CLASSES, **changes):
    """Return source.json as written by `xray.scoring.evaluate`."""
    return {
        "set": "test",
        "external": False,
        "checkpoint": "checkpoints/cnn/version_0/best.ckpt",
        "epoch": 2,
        "run": "cnn/version_0",
        "data_root": "images",
        "split": "test",
        "data_fingerprint": "scored-fingerprint",
        "image_size": 64,
        "resize": "stretch",
        "class_names": list(class_names),
        "temperature": TEMPERATURE,
        "threshold": THRESHOLD,
        "decision": {
            "temperature": TEMPERATURE,
            "threshold": THRESHOLD,
            "rule": "youden",
            "target": None,
            "description": "highest sum of sensitivity and specificity (Youden)",
            "auroc": 0.9,
            "sensitivity": 0.9,
            "specificity": 0.9,
            "fitted_on": {
                "data_root": "images",
                "validation": "blocks",
                "images": 466,
                "patients": 352,
                "fingerprint": "decision-fingerprint",
            },
        },
        "model": "CNNClassifier",
        "config": {
            "seed_everything": 42,
            "trainer": {"max_epochs": 12, "precision": "bf16-mixed"},
            "model": {
                "class_path": "xray.models.cnn.CNNClassifier",
                "init_args": {
                    "widths": [8, 16],
                    "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.002}},
                },
            },
            "data": {"root": "images", "batch_size": 32, "augmentation": {"rotation": 7.0}},
        },
        "code": {
            "xray": "0.1.0",
            "commit": "c0ffee",
            "changed": False,
            "python": "3.11",
            "torch": "2",
            "lightning": "2",
        },
        "trained_with": {"xray": "0.1.0", "commit": "decade", "changed": True, "python": "3.11"},
        "training_data": {"root": "images", "splits": SPLITS, "notes": ["Left out a note of the training."]},
        "notes": ["Left out 1 of 61 images that cannot be read."],
    } | changes


def draw(images=60, patients=24, seed=0, class_names=CLASSES, root="images", **changes):
    """Draw a scored set of both classes with all optional tables; some decisions are wrong."""
    rng = np.random.default_rng(seed)
    number = np.concatenate([np.arange(patients), rng.integers(0, patients, images - patients)])
    labels = number % 2
    logits = np.round(rng.normal(3.0 * labels - 1.5, 1.5), 2)
    probability = probability_of(logits / TEMPERATURE)
    prefixes = [("IM-", "person{}_virus_"), ("IM-", "person{}_bacteria_"), ("NORMAL2-IM-", ""), ("", "person{}_virus_")]
    names = [
        f"{prefixes[n % 4][label].format(n)}{n:04d}-{i}.jpeg"
        for i, (n, label) in enumerate(zip(number, labels, strict=True))
    ]
    table = Predictions(
        [f"{root}/test/{class_names[label]}/{name}" for label, name in zip(labels, names, strict=True)],
        [f"patient{n}" for n in number],
        [class_names[label] for label in labels],
        logits,
        probability,
        decide(probability, THRESHOLD, class_names),
    )
    sizes = [str(100 + 3 * i) for i in range(images)]
    ablations = {"statistics": rng.normal(labels, 1), "border_only": rng.normal(2.0 * labels, 1)}
    robustness = {f"{c}_{k}": logits + rng.normal(0, k, images) for c in CORRUPTIONS for k in range(1, 6)}
    pair = {"kind": "near duplicate", "first": table.path[2], "second": "gone.jpeg", "similarity": 0.99}
    duplicates = [
        {"kind": "same file", "first": table.path[0], "second": table.path[1], "similarity": 1.0, "with": "test"},
        pair | {"with": "training"},
    ]
    columns = {"width": sizes, "height": sizes, "mode": ["L"] * images, "bytes": sizes, "digest": sizes}
    ood_scores = {"outlines": np.linspace(0.2, 1.1, images), "tone": np.full(images, 0.5)}
    parts = {
        "images": columns,
        "ablations": ablations,
        "ood_scores": ood_scores,
        "robustness": robustness,
        "duplicates": duplicates,
    }
    return ScoredSet(table, **{"source": source(class_names), **parts, **changes})


def small(seed=0, **changes):
    """Draw a scored set of predictions alone, whose report is quick to write; `changes` are of its source."""
    return ScoredSet(draw(seed=seed).table, source(**changes))


def one_class(scored_set):
    """Return the scored set with its positive images only, without the tables that need both classes."""
    rows = [i for i, label in enumerate(scored_set.table.label) if label == scored_set.source["class_names"][1]]
    table = Predictions(
        *([getattr(scored_set.table, name)[i] for i in rows] for name in ("path", "patient", "label")),
        scored_set.table.logit[rows],
        scored_set.table.probability[rows],
        [scored_set.table.decision[i] for i in rows],
    )
    return ScoredSet(table, scored_set.source)


def write_images(scored_set, seed=0):
    """Write an image for each row of the table, relative to the working folder."""
    rng = np.random.default_rng(seed)
    for path in scored_set.table.path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (48, 64), dtype=np.uint8)).save(path)


HISTORY = """epoch,train/loss,val/loss,val/calibrated_loss,val/auroc,lr,seconds
1,0.4,0.5,0.4,0.81,0.002,40
2,0.2,0.25,0.2,0.93,0.001,20
3,0.1,0.3,0.22,0.95,0,30.5
"""


def write(scored_set, folder="logs/cnn/version_0/test"):
    """Write the scored set and return its folder."""
    write_scored_set(Path(folder), scored_set)
    return Path(folder)


def write_report(folder):
    """Write the report of one set and return its summary."""
    return write_reports([folder])[folder]


@pytest.fixture(scope="session")
def summary():
    """The summary of a scored set with all tables."""
    return summarise(draw())


@pytest.fixture
def history(tmp_path):
    """Three epochs of a run."""
    (tmp_path / "history.csv").write_text(HISTORY)
    return read_history(tmp_path)


@pytest.fixture(scope="session")
def reported(tmp_path_factory):
    """Folder of a complete report; tests must not change it."""
    root = tmp_path_factory.mktemp("reported")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        scored_set = draw()
        write_images(scored_set)
        folder = write(scored_set)
        (folder.parent / "history.csv").write_text(HISTORY)
        write_report(folder)
    return root / folder
