"""Runs meet on the same films in one order, or it is said why they cannot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compare.conftest import draw, evidence, take

from xray.compare.films import Candidate, align
from xray.errors import UserError


def candidate(found, name="B"):
    return Candidate(name, Path(name), found)


def relabelled(found, row, label):
    labels = list(found.table.label)
    labels[row] = label
    return replace(found, table=replace(found.table, label=labels))


def refusal(*found):
    with pytest.raises(UserError) as caught:
        align([candidate(e, name) for e, name in zip(found, "ABC", strict=False)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("digests", [True, False])
@given(st.randoms(use_true_random=False))
def test_rows_in_any_order_are_brought_into_the_first_runs(digests, random):
    labels, patients, logits = draw()
    first = evidence(labels, patients, logits, digests=digests)
    # About half of them on either side of the threshold.
    other = logits + 3 * np.cos(np.arange(len(labels)))
    second = evidence(labels, patients, other, digests=digests)
    rows = list(range(len(labels)))
    random.shuffle(rows)
    films = align([candidate(first, "A"), candidate(take(second, rows), "B")])
    np.testing.assert_array_equal(films.labels, labels)
    assert list(films.patients) == patients
    np.testing.assert_array_equal(films.runs[0].logits, logits)
    np.testing.assert_array_equal(films.runs[1].logits, other)
    np.testing.assert_array_equal(films.runs[1].decisions, [d == "PNEUMONIA" for d in second.table.decision])
    assert films.matched_by == ("digest" if digests else "path")
    assert films.notes == []


def test_a_film_that_has_moved_is_known_by_its_digest():
    labels, patients, logits = draw()
    first, second = (evidence(labels, patients, logits) for _ in range(2))
    moved = replace(second.table, path=[f"elsewhere/{i}.png" for i in range(len(labels))])
    assert align([candidate(first), candidate(replace(second, table=moved))]).matched_by == "digest"


def test_without_digests_a_film_is_known_by_its_path_below_the_data_root():
    labels, patients, logits = draw()
    here = evidence(labels, patients, logits, root="data/films", digests=False)
    there = evidence(labels, patients, logits, root="/mnt/films", digests=True)
    assert align([candidate(here), candidate(there)]).matched_by == "path"


def test_a_digest_that_was_not_recorded_makes_paths_count():
    labels, patients, logits = draw()
    first, second = (evidence(labels, patients, logits) for _ in range(2))
    gap = replace(second, films={"digest": ["", *second.films["digest"][1:]]})
    assert align([candidate(first), candidate(gap)]).matched_by == "path"


def test_two_files_of_one_digest_are_told_apart_by_label_and_path():
    labels, patients, logits = np.array([0, 1, 0, 1]), list("abcd"), np.array([1.0, 2.0, 3.0, 4.0])
    first = replace(evidence(labels, patients, logits), films={"digest": ["same", "same", "same", "other"]})
    films = align([candidate(first), candidate(take(first, [3, 2, 1, 0]))])
    np.testing.assert_array_equal(films.runs[1].logits, logits)


def test_other_films_are_counted_and_named():
    labels, patients, logits = draw(films=30, patients=10)
    whole = evidence(labels, patients, logits)
    said = refusal(take(whole, range(25)), take(whole, [*range(2, 25), 28, 29]))
    assert "A and B were tested on different films: 2 only in A (such as test/NORMAL/0.jpeg)" in said
    assert "2 only in B (such as test/" in said
    assert "23 in both" in said
    assert "hash of their files" in said
    assert "python -m xray test --ckpt_path checkpoints/cnn/version_0/best.ckpt --data.root data" in said


def test_one_film_less_is_enough_to_refuse():
    whole = evidence(*draw())
    said = refusal(whole, whole, take(whole, range(1, 60)))
    assert "A and C" in said
    assert "1 only in A (such as test/NORMAL/0.jpeg), 0 only in C, 59 in both" in said


def test_a_file_that_was_changed_is_another_film():
    whole = evidence(*draw())
    changed = replace(whole, films={"digest": ["new", *whole.films["digest"][1:]]})
    assert "1 only in A (such as test/NORMAL/0.jpeg), 1 only in B (such as test/NORMAL/0.jpeg)" in refusal(
        whole, changed
    )


def test_a_name_with_line_breaks_is_told_in_one_line():
    whole = evidence(*draw(), digests=False)
    paths = ["data/odd\nname\udcff", *whole.table.path[1:]]
    assert r"odd\nname\udcff" in refusal(whole, replace(whole, table=replace(whole.table, path=paths)))


def test_other_labels_are_counted_and_named():
    whole = evidence(*draw())
    said = refusal(whole, relabelled(relabelled(whole, 0, "PNEUMONIA"), 2, "PNEUMONIA"))
    assert "2 of 60 films have another label in B than in A" in said
    assert "test/NORMAL/0.jpeg: PNEUMONIA and NORMAL" in said


def test_another_order_of_classes_is_refused():
    whole = evidence(*draw())
    turned = replace(whole, source=dict(whole.source) | {"class_names": ["PNEUMONIA", "NORMAL"]})
    said = refusal(whole, turned)
    assert "A has the classes NORMAL, PNEUMONIA, B has PNEUMONIA, NORMAL" in said
    assert "data.class_names" in said


def test_a_test_without_films_is_refused():
    empty = take(evidence(*draw()), [])
    assert "A holds no film" in refusal(empty, empty)


def test_patients_of_other_names_but_the_same_films_are_the_same():
    labels, patients, logits = draw()
    renamed = evidence(labels, [f"x{patient}" for patient in patients], logits)
    assert align([candidate(evidence(labels, patients, logits)), candidate(renamed)]).notes == []


def test_where_patients_are_told_apart_differently_the_fewest_count():
    labels, patients, logits = draw()
    each = evidence(labels, [str(i) for i in range(60)], logits)
    films = align([candidate(each, "A"), candidate(evidence(labels, patients, logits), "B")])
    assert list(films.patients) == patients
    assert films.notes == ["The runs tell patients apart differently (A 60, B 25): resampled are the patients of B."]


def test_as_many_patients_of_other_films_are_told():
    labels, logits = np.array([0, 0, 0, 1]), np.arange(4.0)
    films = align([candidate(evidence(labels, p, logits)) for p in (list("aabc"), list("abbc"))])
    assert list(films.patients) == list("aabc")
    assert "apart differently (B 3, B 3)" in films.notes[0]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ({"set": "validate"}, "validation films of B: they chose"),
        ({"external": True}, "another source than those that B"),
    ],
)
def test_films_that_are_no_internal_test_are_told(kind, told):
    found = evidence(*draw())
    other = replace(found, source=dict(found.source) | kind)
    (note,) = align([candidate(found, "A"), candidate(other, "B")]).notes
    assert told in note
