"""Runs meet on the same images in one order, or it is said why they cannot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compare.conftest import draw, scored_set, take

from xray.compare.images import LoadedRun, align
from xray.utils.errors import UserError


def candidate(found, name="B"):
    return LoadedRun(name, Path(name), found)


def relabelled(found, row, label):
    labels = list(found.table.label)
    labels[row] = label
    return replace(found, table=replace(found.table, label=labels))


def rejection(*found):
    with pytest.raises(UserError) as caught:
        align([candidate(e, name) for e, name in zip(found, "ABC", strict=False)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("digests", [True, False])
@given(st.randoms(use_true_random=False))
def test_rows_in_any_order_are_brought_into_the_first_runs(digests, random):
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


def test_an_image_that_has_moved_is_known_by_its_digest():
    labels, patients, logits = draw()
    first, second = (scored_set(labels, patients, logits) for _ in range(2))
    moved = replace(second.table, path=[f"elsewhere/{i}.png" for i in range(len(labels))])
    assert align([candidate(first), candidate(replace(second, table=moved))]).matched_by == "digest"


def test_without_digests_an_image_is_known_by_its_path_below_the_data_root():
    labels, patients, logits = draw()
    here = scored_set(labels, patients, logits, root="data/images", digests=False)
    there = scored_set(labels, patients, logits, root="/mnt/images", digests=True)
    assert align([candidate(here), candidate(there)]).matched_by == "path"


def test_a_digest_that_was_not_recorded_makes_paths_count():
    labels, patients, logits = draw()
    first, second = (scored_set(labels, patients, logits) for _ in range(2))
    gap = replace(second, images={"digest": ["", *second.images["digest"][1:]]})
    assert align([candidate(first), candidate(gap)]).matched_by == "path"


def test_two_files_of_one_digest_are_told_apart_by_label_and_path():
    labels, patients, logits = np.array([0, 1, 0, 1]), list("abcd"), np.array([1.0, 2.0, 3.0, 4.0])
    first = replace(scored_set(labels, patients, logits), images={"digest": ["same", "same", "same", "other"]})
    images = align([candidate(first), candidate(take(first, [3, 2, 1, 0]))])
    np.testing.assert_array_equal(images.runs[1].logits, logits)


def test_other_images_are_counted_and_named():
    labels, patients, logits = draw(images=30, patients=10)
    whole = scored_set(labels, patients, logits)
    said = rejection(take(whole, range(25)), take(whole, [*range(2, 25), 28, 29]))
    assert "A and B were tested on different images: 2 only in A (such as test/NORMAL/0.jpeg)" in said
    assert "2 only in B (such as test/" in said
    assert "23 in both" in said
    assert "hash of their files" in said
    assert "python -m xray test --ckpt_path checkpoints/cnn/version_0/best.ckpt --data.root data" in said


def test_one_image_less_is_enough_to_reject():
    whole = scored_set(*draw())
    said = rejection(whole, whole, take(whole, range(1, 60)))
    assert "A and C" in said
    assert "1 only in A (such as test/NORMAL/0.jpeg), 0 only in C, 59 in both" in said


def test_a_file_that_was_changed_is_another_image():
    whole = scored_set(*draw())
    changed = replace(whole, images={"digest": ["new", *whole.images["digest"][1:]]})
    assert "1 only in A (such as test/NORMAL/0.jpeg), 1 only in B (such as test/NORMAL/0.jpeg)" in rejection(
        whole, changed
    )


def test_a_name_with_line_breaks_is_told_in_one_line():
    whole = scored_set(*draw(), digests=False)
    paths = ["data/odd\nname\udcff", *whole.table.path[1:]]
    assert r"odd\nname\udcff" in rejection(whole, replace(whole, table=replace(whole.table, path=paths)))


def test_other_labels_are_counted_and_named():
    whole = scored_set(*draw())
    said = rejection(whole, relabelled(relabelled(whole, 0, "PNEUMONIA"), 2, "PNEUMONIA"))
    assert "2 of 60 images are labelled differently in B than in A" in said
    assert "test/NORMAL/0.jpeg: PNEUMONIA and NORMAL" in said


def test_another_order_of_classes_is_rejected():
    whole = scored_set(*draw())
    turned = replace(whole, source=dict(whole.source) | {"class_names": ["PNEUMONIA", "NORMAL"]})
    said = rejection(whole, turned)
    assert "A has the classes NORMAL, PNEUMONIA, B has PNEUMONIA, NORMAL" in said
    assert "data.class_names" in said


def test_a_test_without_images_is_rejected():
    empty = take(scored_set(*draw()), [])
    assert "A holds no image" in rejection(empty, empty)


def test_patients_of_other_names_but_the_same_images_are_the_same():
    labels, patients, logits = draw()
    renamed = scored_set(labels, [f"x{patient}" for patient in patients], logits)
    assert align([candidate(scored_set(labels, patients, logits)), candidate(renamed)]).notes == []


def test_where_patients_are_told_apart_differently_the_fewest_count():
    labels, patients, logits = draw()
    each = scored_set(labels, [str(i) for i in range(60)], logits)
    images = align([candidate(each, "A"), candidate(scored_set(labels, patients, logits), "B")])
    assert list(images.patients) == patients
    assert images.notes == [
        "The runs assign images to patients differently (A 60, B 25): the patients of B are resampled."
    ]


def test_as_many_patients_of_other_images_are_told():
    labels, logits = np.array([0, 0, 0, 1]), np.arange(4.0)
    images = align([candidate(scored_set(labels, p, logits)) for p in (list("aabc"), list("abbc"))])
    assert list(images.patients) == list("aabc")
    assert "to patients differently (B 3, B 3)" in images.notes[0]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ({"set": "validate"}, "validation images of B: epoch"),
        ({"external": True}, "another source than the training images of B"),
    ],
)
def test_images_that_are_no_internal_test_are_told(kind, told):
    found = scored_set(*draw())
    other = replace(found, source=dict(found.source) | kind)
    (note,) = align([candidate(found, "A"), candidate(other, "B")]).notes
    assert told in note
