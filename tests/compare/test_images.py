"""Images of runs are aligned, or rejected with the reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compare.conftest import draw, scored_set, take

from xray.compare.images import LoadedRun, align
from xray.utils.errors import UserError


def candidate(whole, name="B"):
    return LoadedRun(name, Path(name), whole)


def relabelled(whole, row, label):
    labels = list(whole.table.label)
    labels[row] = label
    return replace(whole, table=replace(whole.table, label=labels))


def rejection(*scored_sets):
    with pytest.raises(UserError) as caught:
        align([candidate(e, name) for e, name in zip(scored_sets, "ABC", strict=False)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("digests", [True, False])
@given(st.randoms(use_true_random=False))
def test_rows_are_brought_into_the_order_of_the_first_run(digests, random):
    labels, patients, logits = draw()
    first = scored_set(labels, patients, logits, digests=digests)
    # About half of them on either side of the threshold.
    other = logits + 3 * np.cos(np.arange(len(labels)))
    second = scored_set(labels, patients, other, digests=digests)
    rows = list(range(len(labels)))
    random.shuffle(rows)
    images = align([candidate(first, "A"), candidate(take(second, rows), "B")])
    np.testing.assert_array_equal(images.labels, labels)
    assert list(images.patients) == patients
    np.testing.assert_array_equal(images.runs[0].logits, logits)
    np.testing.assert_array_equal(images.runs[1].logits, other)
    np.testing.assert_array_equal(images.runs[1].decisions, [d == "PNEUMONIA" for d in second.table.decision])
    assert images.matched_by == ("digest" if digests else "path")
    assert images.notes == []


def test_moved_image_is_matched_by_digest():
    labels, patients, logits = draw()
    first, second = (scored_set(labels, patients, logits) for _ in range(2))
    moved = replace(second.table, path=[f"elsewhere/{i}.png" for i in range(len(labels))])
    assert align([candidate(first), candidate(replace(second, table=moved))]).matched_by == "digest"


def test_table_of_another_model_is_matched_by_its_full_paths():
    labels, patients, logits = draw()
    run = scored_set(labels, patients, logits, root="data/demo")
    table = scored_set(labels, patients, logits, root="data/demo", digests=False)
    source = {key: table.source[key] for key in ("class_names", "temperature", "threshold")}
    assert align([candidate(run, "A"), candidate(replace(table, source=source), "B")]).matched_by == "path"


def test_without_digests_images_are_matched_by_path_below_the_data_root():
    labels, patients, logits = draw()
    here = scored_set(labels, patients, logits, root="data/images", digests=False)
    there = scored_set(labels, patients, logits, root="/mnt/images", digests=True)
    assert align([candidate(here), candidate(there)]).matched_by == "path"


def test_images_are_matched_by_path_if_a_digest_is_missing():
    labels, patients, logits = draw()
    first, second = (scored_set(labels, patients, logits) for _ in range(2))
    gap = replace(second, images={"digest": ["", *second.images["digest"][1:]]})
    assert align([candidate(first), candidate(gap)]).matched_by == "path"


def test_files_of_one_digest_are_matched_by_label_and_path():
    labels, patients, logits = np.array([0, 1, 0, 1]), list("abcd"), np.array([1.0, 2.0, 3.0, 4.0])
    first = replace(scored_set(labels, patients, logits), images={"digest": ["same", "same", "same", "other"]})
    images = align([candidate(first), candidate(take(first, [3, 2, 1, 0]))])
    np.testing.assert_array_equal(images.runs[1].logits, logits)


def test_error_counts_and_names_different_images():
    labels, patients, logits = draw(images=30, patients=10)
    whole = scored_set(labels, patients, logits)
    error = rejection(take(whole, range(25)), take(whole, [*range(2, 25), 28, 29]))
    assert "A and B were tested on different images: 2 only in A (such as test/NORMAL/0.jpeg)" in error
    assert "2 only in B (such as test/" in error
    assert "23 in both" in error
    assert "hash of their files" in error
    assert "python -m xray test --ckpt_path checkpoints/cnn/version_0/best.ckpt --data.root data" in error


def test_rejects_a_missing_image():
    whole = scored_set(*draw())
    error = rejection(whole, whole, take(whole, range(1, 60)))
    assert "A and C" in error
    assert "1 only in A (such as test/NORMAL/0.jpeg), 0 only in C, 59 in both" in error


def test_rejects_a_changed_file():
    whole = scored_set(*draw())
    changed = replace(whole, images={"digest": ["new", *whole.images["digest"][1:]]})
    assert "1 only in A (such as test/NORMAL/0.jpeg), 1 only in B (such as test/NORMAL/0.jpeg)" in rejection(
        whole, changed
    )


def test_error_escapes_line_breaks_in_names():
    whole = scored_set(*draw(), digests=False)
    paths = ["data/odd\nname\udcff", *whole.table.path[1:]]
    assert r"odd\nname\udcff" in rejection(whole, replace(whole, table=replace(whole.table, path=paths)))


def test_error_counts_and_names_different_labels():
    whole = scored_set(*draw())
    error = rejection(whole, relabelled(relabelled(whole, 0, "PNEUMONIA"), 2, "PNEUMONIA"))
    assert "2 of 60 images are labelled differently in B than in A" in error
    assert "test/NORMAL/0.jpeg: PNEUMONIA and NORMAL" in error


def test_rejects_another_order_of_classes():
    whole = scored_set(*draw())
    turned = replace(whole, source=dict(whole.source) | {"class_names": ["PNEUMONIA", "NORMAL"]})
    error = rejection(whole, turned)
    assert "A has the classes NORMAL, PNEUMONIA, B has PNEUMONIA, NORMAL" in error
    assert "data.class_names" in error


def test_rejects_a_test_without_images():
    empty = take(scored_set(*draw()), [])
    assert "A holds no image" in rejection(empty, empty)


def test_renamed_patients_are_the_same_patients():
    labels, patients, logits = draw()
    renamed = scored_set(labels, [f"x{patient}" for patient in patients], logits)
    assert align([candidate(scored_set(labels, patients, logits)), candidate(renamed)]).notes == []


def test_uses_the_grouping_with_the_fewest_patients():
    labels, patients, logits = draw()
    each = scored_set(labels, [str(i) for i in range(60)], logits)
    images = align([candidate(each, "A"), candidate(scored_set(labels, patients, logits), "B")])
    assert list(images.patients) == patients
    assert images.notes == [
        "The runs assign images to patients differently (A 60, B 25): the patients of B are resampled."
    ]


def test_notes_another_grouping_of_as_many_patients():
    labels, logits = np.array([0, 0, 0, 1]), np.arange(4.0)
    images = align([candidate(scored_set(labels, p, logits)) for p in (list("aabc"), list("abbc"))])
    assert list(images.patients) == list("aabc")
    assert "to patients differently (B 3, B 3)" in images.notes[0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ({"set": "validate"}, "validation images of B: epoch"),
        ({"external": True}, "another source than the training images of B"),
    ],
)
def test_notes_images_that_are_no_internal_test(kind, expected):
    whole = scored_set(*draw())
    other = replace(whole, source=dict(whole.source) | kind)
    (note,) = align([candidate(whole, "A"), candidate(other, "B")]).notes
    assert expected in note
