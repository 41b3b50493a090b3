"""Rejection rates against counting in a loop and SciPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xray.evaluation.rejections import accepted_subgroup, rejected_images, rejection_metrics
from xray.evaluation.resampling import Patients

CLASSES = ["NORMAL", "PNEUMONIA"]
distances = st.floats(0, 3, allow_nan=False)
images = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), distances, distances), min_size=1, max_size=40)


def of(rows):
    labels, patients, *result = (np.array(column) for column in zip(*rows, strict=True))
    ood_scores = dict(zip(("outlines", "tone"), result, strict=True))
    return labels, ood_scores, Patients.of([f"p{patient}" for patient in patients], labels)


@given(images)
def test_counts_rejected_images_by_class_and_score(rows):
    labels, ood_scores, patients = of(rows)
    result = rejection_metrics(labels, ood_scores, patients, CLASSES)
    rejected = [max(outlines, tone) > 1 for _, _, outlines, tone in rows]
    assert result["rejected"] == sum(rejected)
    np.testing.assert_allclose(result["share"]["value"], np.mean(rejected))
    for label, name in enumerate(CLASSES):
        assert result["rejected_by_class"][name] == sum(
            r and row[0] == label for r, row in zip(rejected, rows, strict=True)
        )
    assert result["rejected_by_distance"]["outlines"] == sum(row[2] > 1 for row in rows)
    assert result["rejected_by_distance"]["tone"] == sum(row[3] > 1 for row in rows)
    groups = accepted_subgroup(ood_scores, len(rows))
    assert [list(group.members) for group in groups] == ([[not r for r in rejected]] if any(rejected) else [])


def test_rate_of_0_has_the_exact_interval_over_patients():
    labels, ood_scores, patients = of([(i % 2, i // 2, 0.5, 1.0) for i in range(40)])
    share = rejection_metrics(labels, ood_scores, patients, CLASSES)["share"]
    expected = stats.binomtest(0, 20).proportion_ci(0.95, "exact")
    np.testing.assert_allclose([share["low"], share["high"]], [expected.low, expected.high], atol=1e-12)


def test_clustered_images_widen_the_interval():
    rows = [(i % 2, i, 2.0 if i % 10 < 2 else 0.5, 0.0) for i in range(200)]
    clustered = [(i // 10 % 2, i // 10, 2.0 if i // 10 % 10 < 2 else 0.5, 0.0) for i in range(200)]
    each, together = (rejection_metrics(*of(r)[:2], of(r)[2], CLASSES)["share"] for r in (rows, clustered))
    assert each["value"] == together["value"] == 0.2
    assert together["high"] - together["low"] > 2 * (each["high"] - each["low"])


def test_sentence_has_the_counts():
    rows = [(0, 0, 1.5, 0.0), (0, 1, 0.0, 0.0), (1, 2, 0.0, 1.5), (1, 3, 1.5, 1.5), (1, 4, 0.0, 0.0)]
    sentence = rejection_metrics(*of(rows)[:2], of(rows)[2], CLASSES)["sentence"]
    assert "1 of 2 NORMAL and 2 of 3 PNEUMONIA, 60.0% (95% interval " in sentence


def test_missing_ood_scores_give_no_rate():
    labels, _, patients = of([(0, 0, 0.0, 0.0), (1, 1, 0.0, 0.0)])
    result = rejection_metrics(labels, {}, patients, CLASSES)
    assert result["rejected"] is None
    assert result["share"]["value"] is None
    assert "was not recorded" in result["sentence"]
    known = rejection_metrics(labels, {}, patients, CLASSES, "the fit had 40 training images")
    assert known["sentence"] == "No image was rejected by an OOD check: the fit had 40 training images."
    assert not rejected_images({}, 2).any()
    assert accepted_subgroup({}, 2) == []
