"""Subgroups by file names of the public data set and by image size."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.evaluation.subgroups import subgroups_by_column, subgroups_by_name, subgroups_by_size

NAMES = {
    "person7_bacteria_24.jpeg": 1,
    "person80_virus_150.jpeg": 1,
    "person80_virus_151.jpeg": 1,
    "IM-0115-0001.jpeg": 0,
    "NORMAL2-IM-0117-0001.jpeg": 0,
    "NORMAL2-IM-0119-0001.jpeg": 0,
}


def named(paths, labels):
    groups, notes = subgroups_by_name(paths, np.array(list(labels), dtype=np.int64))
    return {group.name: group.members.tolist() for group in groups}, notes


@pytest.mark.parametrize(
    "folder", ["", "test/", "data/IM-0001/", "a\\b\\", "data\\NORMAL2-IM-1_virus_\\", "_bacteria_/"]
)
def test_subgroups_from_public_file_names(folder):
    result, notes = named([folder + name for name in NAMES], NAMES.values())
    assert notes == []
    assert result == {
        "bacterial": [True, False, False, True, True, True],
        "viral": [False, True, True, True, True, True],
        "IM": [True, True, True, True, False, False],
        "NORMAL2-IM": [True, True, True, False, True, True],
    }


def test_subgroups_have_families():
    groups, _ = subgroups_by_name(list(NAMES), np.array(list(NAMES.values())))
    families = {group.name: group.family for group in groups}
    assert families["bacterial"] == families["viral"] != families["IM"] == families["NORMAL2-IM"]


def test_other_names_give_a_note():
    result, notes = named(["a.png", "IM.png", "viruses_1.png", "xIM-0001.png"], [0, 0, 1, 0])
    assert result == {}
    assert len(notes) == 2
    assert all("not in the file names" in note for note in notes)


def test_empty_subgroup_has_no_images_of_the_other_class():
    result, notes = named(["person1_virus_1.jpeg", "IM-0001-0001.jpeg"], [1, 0])
    assert result == {
        "viral": [True, True],
        "bacterial": [False, False],
        "IM": [True, True],
        "NORMAL2-IM": [False, False],
    }
    assert notes == []


def test_name_only_counts_in_its_class():
    # The label decides, not the name.
    result, notes = named(["person1_virus_1.jpeg", "IM-0001-0001.jpeg"], [0, 1])
    assert result == {}
    assert len(notes) == 2


def test_subgroups_of_one_class():
    result, notes = named(["person1_virus_1.jpeg", "person2_bacteria_1.jpeg"], [1, 1])
    assert result == {"bacterial": [False, True], "viral": [True, False]}
    assert len(notes) == 1


SIZES = st.lists(st.one_of(st.integers(0, 5), st.integers(10_000, 10_050), st.integers(10**6, 10**7)), max_size=60)


@given(SIZES)
def test_size_subgroups_partition_the_images(sizes):
    pixels = np.array(sizes, dtype=np.int64)
    groups, notes = subgroups_by_size(pixels)
    assert bool(groups) or bool(notes)
    if groups:
        np.testing.assert_array_equal(sum(group.members.astype(int) for group in groups), pixels > 0)
        assert len({group.name for group in groups}) == len(groups) >= 2
        for smaller, larger in pairwise(groups):
            assert pixels[smaller.members].max() < pixels[larger.members].min()
        assert bool(notes) == (pixels == 0).any()


def test_sizes_form_thirds():
    groups, notes = subgroups_by_size(np.arange(1, 301) * 1000)
    assert [int(group.members.sum()) for group in groups] == [100, 100, 100]
    assert notes == []


def test_two_sizes_form_two_subgroups():
    groups, notes = subgroups_by_size(np.array([100, 200, 100, 200]))
    assert [group.members.tolist() for group in groups] == [[True, False, True, False], [False, True, False, True]]
    assert notes == []


@pytest.mark.parametrize("sizes", [[50_000] * 9, [50_000], [50_000] * 9 + [40_000]])
def test_no_subgroups_for_one_size(sizes):
    groups, notes = subgroups_by_size(np.array(sizes))
    assert groups == []
    assert "50,000" in notes[0]


@pytest.mark.parametrize("sizes", [[], [0, 0, 0]])
def test_unknown_sizes_give_a_note(sizes):
    groups, notes = subgroups_by_size(np.array(sizes, dtype=np.int64))
    assert groups == []
    assert "not recorded" in notes[0]


def test_counts_images_of_unknown_size():
    groups, notes = subgroups_by_size(np.array([0, 100, 200, 300, 0]))
    assert sum(group.members.sum() for group in groups) == 3
    assert "2 images" in notes[0]


# Further columns

TWENTY = np.array([0, 1] * 20)


def by_column(labels=TWENTY, **columns):
    groups, notes = subgroups_by_column(columns, labels)
    return {(group.family, group.name): group.members for group in groups}, notes


def test_a_column_with_few_values_has_a_group_for_each():
    groups, notes = by_column(sex=["F", "F", "M", "M"] * 10)
    assert list(groups) == [("Column sex", "F"), ("Column sex", "M")]
    np.testing.assert_array_equal(groups["Column sex", "F"], [True, True, False, False] * 10)
    assert notes == []


def test_few_numbers_are_sorted_by_value():
    groups, _ = by_column(stage=["10", "10", "9", "9"] * 10)
    assert [name for _, name in groups] == ["9", "10"]


def test_many_numbers_are_divided_into_quarters():
    ages = np.arange(40) // 2
    groups, notes = by_column(age=[str(age) for age in ages])
    assert [name for _, name in groups] == ["up to 4", "above 4 up to 9", "above 9 up to 14", "above 14"]
    assert notes == []
    np.testing.assert_array_equal(groups["Column age", "above 4 up to 9"], (ages > 4) & (ages <= 9))
    np.testing.assert_array_equal(sum(groups.values()), np.ones(40))


def test_groups_that_cannot_be_formed_are_noted():
    names = [f"clinic {i}" for i in range(40)]
    rare = ["a"] * 36 + ["b"] * 4
    groups, notes = by_column(site=names, view=["PA"] * 40, note=[""] * 40, device=rare)
    assert list(groups) == [("Column device", "a")]
    assert notes == [
        "Column site: 40 different values are too many for groups (at most 8).",
        "Column view: it has only one value.",
        "Column note: it is empty.",
        "Column device: not shown, since they have fewer than 5 images of a class: b.",
    ]
    groups, notes = by_column(sex=["F", "F", "M", "nan"] * 10, labels=np.array([0, 1, 0, 0, 0, 1, 1, 0] * 5))
    assert len(groups) == 2
    assert notes == ["Column sex: 10 images without a value are in no subgroup."]
