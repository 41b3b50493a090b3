"""Random scored sets, as `test` writes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from xray.compare.images import AlignedRun, SharedImages
from xray.evaluation.calibration import probability_of
from xray.evaluation.predictions import Predictions, decide
from xray.evaluation.scaling import Scaling
from xray.evaluation.scored_set import ScoredSet, write_scored_set

CLASSES = ["NORMAL", "PNEUMONIA"]


def draw(seed=0, images=60, patients=25, strength=1.5):
    """Draw labels, patients with one label each, and scores with ties."""
    rng = np.random.default_rng(seed)
    number = np.concatenate([np.arange(patients), rng.integers(0, patients, images - patients)])
    labels = number % 2
    return labels, [f"p{i}" for i in number], np.round(rng.normal(strength * labels, 1.0), 1)


def scored_set(
    labels, patients, logits, name="cnn/version_0", seed=42, root="data", digests=True, threshold=0.5, **config
):
    """Return the scored set of a run's test."""
    probability = probability_of(logits / 1.3)
    table = Predictions(
        [f"{root}/test/{CLASSES[label]}/{i}.jpeg" for i, label in enumerate(labels)],
        list(patients),
        [CLASSES[label] for label in labels],
        np.asarray(logits, dtype=np.float64),
        probability,
        decide(probability, threshold, CLASSES),
    )
    source = {
        "set": "test",
        "run": name,
        "checkpoint": f"checkpoints/{name}/best.ckpt",
        "data_root": root,
        "class_names": CLASSES,
        "temperature": 1.3,
        "threshold": threshold,
        "decision": {"rule": "youden"},
        "config": {"seed_everything": seed, "data": {"split_seed": 0}, "model": {"lr": 0.1}} | config,
        "training_data": {"splits": {"train": {"fingerprint": "ab"}, "val": {"fingerprint": "cd"}}},
    }
    images = {"digest": [f"d{i}" for i in range(len(labels))]} if digests else {}
    return ScoredSet(table, source, images)


def take(whole, rows):
    """Return the scored set with these rows only, in this order."""
    table = whole.table
    texts = {key: [getattr(table, key)[i] for i in rows] for key in ("path", "patient", "label", "decision")}
    numbers = {key: getattr(table, key)[list(rows)] for key in ("logit", "probability")}
    images = {key: [column[i] for i in rows] for key, column in whole.images.items()}
    return replace(whole, table=Predictions(**texts, **numbers), images=images)


def write(whole, folder=None):
    """Write the scored set into the run's folder, or elsewhere."""
    write_scored_set(Path(folder or f"logs/{whole.source['run']}/test"), whole)


def shared(labels, patients, *scores, sources=None, thresholds=None):
    """Return aligned runs from arrays of logits; images are predicted positive above 0 or the run's threshold."""
    runs = [
        AlignedRun(
            name=f"cnn/version_{i}",
            logits=np.asarray(logits, dtype=np.float64),
            decisions=(np.asarray(logits) > (thresholds or [0] * len(scores))[i]).astype(np.int64),
            scaling=Scaling(1.3),
            source=sources[i] if sources else {"threshold": 0.5},
            folder=Path(f"logs/cnn/version_{i}/test"),
        )
        for i, logits in enumerate(scores)
    ]
    return SharedImages(np.asarray(labels, dtype=np.int64), list(patients), CLASSES, runs, "digest", [])
