"""Time to compute intervals: 2,000 resamples of patients for 10,000 images, against scikit-learn in a loop.

All figures of a report without robustness; then the interval of the AUROC alone, ours for all resamples, scikit-learn's
`roc_auc_score` with the same weights for a twentieth of them, times twenty.
"""

import statistics
import time

import numpy as np
from sklearn.metrics import roc_auc_score

from measure import alternate, describe_machine, ratio
from xray.evaluation.predictions import Predictions, decide
from xray.evaluation.ranking import Ranking
from xray.evaluation.resampling import RESAMPLES, Patients, bootstrap
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.summary import summarise

IMAGES, PATIENTS = 10_000, 4_000
CLASSES = ("NORMAL", "PNEUMONIA")
SHARE = 20


def scored_set() -> ScoredSet:
    """Predictions of a good model, drawn at random, with names as in the public release."""
    rng = np.random.default_rng(0)
    patients = rng.integers(PATIENTS, size=IMAGES)
    labels = patients % 3 > 0
    logits = rng.normal(3.0 * labels - 1.5, 1.5)
    probability = 1 / (1 + np.exp(-logits))
    names = [
        f"person{p}_{'virus' if p % 2 else 'bacteria'}_{i}.jpeg" if label else f"IM-{p}-{i}.jpeg"
        for i, (p, label) in enumerate(zip(patients, labels, strict=True))
    ]
    table = Predictions(
        names,
        [f"p{p}" for p in patients],
        [CLASSES[int(label)] for label in labels],
        logits,
        probability,
        decide(probability, 0.5, CLASSES),
    )
    ablations = {name: rng.normal(labels, 1.0) for name in ("statistics", "shape", "border_only", "centre_masked")}
    return ScoredSet(table, {"class_names": list(CLASSES), "temperature": 1.0, "threshold": 0.5}, ablations=ablations)


def main() -> None:
    """Time all figures, then the interval of the AUROC against the loop."""
    print(describe_machine())
    images = scored_set()
    labels = np.array([label == CLASSES[1] for label in images.table.label], dtype=np.int64)
    patients = Patients.of(images.table.patient, labels)
    ranking = Ranking.of(labels, images.table.logit)

    def whole() -> float:
        start = time.perf_counter()
        summarise(images)
        return time.perf_counter() - start

    def ours() -> float:
        start = time.perf_counter()
        bootstrap(patients, lambda weights: {"auroc": ranking.auroc(weights)})
        return time.perf_counter() - start

    def loop() -> float:
        start = time.perf_counter()
        for weights in patients.resample(RESAMPLES // SHARE):
            for row in weights:
                roc_auc_score(labels, images.table.logit, sample_weight=row)
        return SHARE * (time.perf_counter() - start)

    seconds = alternate({"whole": whole, "ours": ours, "loop": loop}, 5)
    titles = {
        "whole": f"all figures of a report, {IMAGES:,} images",
        "ours": "interval of the AUROC",
        "loop": "the same by scikit-learn in a loop",
    }
    for name, title in titles.items():
        values = seconds[name]
        print(f"| {title} | {statistics.median(values):.2f} s | {min(values):.2f} to {max(values):.2f} |")
    print(f"loop / ours: {ratio(seconds['loop'], seconds['ours'])}")


if __name__ == "__main__":
    main()
