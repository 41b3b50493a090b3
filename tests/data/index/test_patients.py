"""Patients are read from every kind of name in the public release, and from names of others by a pattern."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.data.index.patients import KERMANY_PATTERN, compile_pattern, patient_of, series_and_number
from xray.utils.errors import UserError

KERMANY = compile_pattern(KERMANY_PATTERN)
NUMBERS = st.integers(1, 9999)


@pytest.mark.parametrize(
    ("name", "patient", "group"),
    [
        ("IM-0115-0001.jpeg", "IM-0115", "IM-0115"),
        ("IM-0433-0001-0002.jpeg", "IM-0433", "IM-0433"),
        ("NORMAL2-IM-0383-0001.jpeg", "NORMAL2-IM-0383", "NORMAL2-IM-0383"),
        ("NORMAL2-IM-1103-0001-0002.jpeg", "NORMAL2-IM-1103", "NORMAL2-IM-1103"),
        ("person1000_bacteria_2931.jpeg", "person1000_bacteria", "person1000"),
        ("person1_virus_6.jpeg", "person1_virus", "person1"),
        ("person447_virus_921_1.jpeg", "person447_virus", "person447"),
        ("below/a/folder/IM-0115-0001.png", "IM-0115", "IM-0115"),
    ],
)
def test_names_of_the_release_tell_patient_and_group(name, patient, group):
    assert patient_of(name, KERMANY) == (patient, group)


@pytest.mark.parametrize(
    "name",
    ["image.jpeg", "00000001_000.png", "person_virus_1.jpeg", "person7_fungus_1.jpeg", "IM-x-1.jpeg", "IM-0115.png"],
)
def test_other_names_tell_no_patient(name):
    assert patient_of(name, KERMANY) is None


def test_both_number_series_of_normal_images_are_different_children():
    assert patient_of("IM-0117-0001.jpeg", KERMANY).group != patient_of("NORMAL2-IM-0117-0001.jpeg", KERMANY).group


def test_bacteria_and_virus_of_one_number_are_two_patients_in_one_group():
    bacteria, virus = (patient_of(f"person255_{kind}_7.jpeg", KERMANY) for kind in ("bacteria", "virus"))
    assert bacteria.patient != virus.patient
    assert bacteria.group == virus.group


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["bacteria", "virus"]))
def test_person_images_share_a_group_exactly_when_they_share_the_number(one, other, image, other_image, kind):
    first = patient_of(f"person{one}_{kind}_{image}.jpeg", KERMANY)
    second = patient_of(f"person{other}_virus_{other_image}.jpeg", KERMANY)
    assert (first.group == second.group) == (one == other)
    assert (first.patient == second.patient) == (one == other and kind == "virus")


@given(
    *(st.tuples(st.sampled_from(["IM", "NORMAL2-IM"]), NUMBERS) for _ in range(2)),
    NUMBERS,
    st.sampled_from(["0001", "0001-0002"]),
)
def test_normal_images_share_a_patient_exactly_when_they_share_series_and_number(one, other, image, other_image):
    first = patient_of(f"{one[0]}-{one[1]:04d}-{image:04d}.jpeg", KERMANY)
    second = patient_of(f"{other[0]}-{other[1]:04d}-{other_image}.jpeg", KERMANY)
    assert (first == second) == (one == other)


@given(st.text(max_size=30))
def test_any_name_is_read_without_an_error(name):
    found = patient_of(name, KERMANY)
    assert found is None or (found.patient and found.patient in name and found.group in name)


def test_every_real_image_has_a_patient_and_each_class_its_own(real_images):
    names = {c: {p.name for p in real_images.glob(f"*/{c}/*.jpeg")} for c in ("NORMAL", "PNEUMONIA")}
    groups = {c: {found.group for name in names[c] if (found := patient_of(name, KERMANY))} for c in names}
    assert all(patient_of(name, KERMANY) for name in names["NORMAL"] | names["PNEUMONIA"])
    # The name up to the number, taken by hand.
    assert groups["NORMAL"] == {name[: name.index("IM-") + 7] for name in names["NORMAL"]}
    assert groups["PNEUMONIA"] == {name.partition("_")[0] for name in names["PNEUMONIA"]}


def test_without_a_group_the_patient_is_the_group():
    pattern = compile_pattern(r"^(?P<patient>\d+)_")
    assert patient_of("00012_003.png", pattern) == ("00012", "00012")


def test_a_group_joins_patients():
    pattern = compile_pattern(r"^(?P<patient>(?P<group>family\d+)[a-z])_")
    assert patient_of("family3a_1.png", pattern) == ("family3a", "family3")
    assert patient_of("family3b_1.png", pattern) == ("family3b", "family3")


def test_a_group_that_takes_no_part_leaves_the_patient_alone():
    pattern = compile_pattern(r"^(?:(?P<group>family\d+)-)?(?P<patient>\d+)_")
    assert patient_of("7_1.png", pattern) == ("7", "7")


@pytest.mark.parametrize("pattern", [r"^(?P<patient>\d*)_", r"^(?P<patient>\d+)?_"])
def test_a_patient_without_a_letter_is_none(pattern):
    assert patient_of("_1.png", compile_pattern(pattern)) is None


@pytest.mark.parametrize("pattern", ["(", "(?P<patient", "[a-", "*", "(?P<patient>x)(?P<patient>y)"])
def test_what_is_no_regular_expression_is_rejected_with_its_text(pattern):
    with pytest.raises(UserError, match=re.escape(repr(pattern))):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", r"(\d+)_", r"(?P<group>\d+)_", r"(?P<Patient>\d+)_"])
def test_a_pattern_without_the_group_patient_is_rejected_with_an_example(pattern):
    with pytest.raises(UserError, match=r"no group named patient.*\(\?P<patient>"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("NORMAL2-IM-0117", ("NORMAL2-IM-", 117)),
        ("IM-0117", ("IM-", 117)),
        ("person7", ("person", 7)),
        ("a1b22c", ("a1b", 22)),
        ("0042", ("", 42)),
        ("nobody", ("", 0)),
        ("", ("", 0)),
    ],
)
def test_series_and_number_of_a_group(group, expected):
    assert series_and_number(group) == expected


@given(st.text(), NUMBERS, st.integers(0, 3), st.text().filter(lambda text: not re.search(r"\d", text)))
def test_the_last_number_of_a_group_counts(series, number, zeros, rest):
    expected = re.sub(r"\d+\Z", "", series), int(re.search(r"\d*\Z", series)[0] + "0" * zeros + str(number))
    assert series_and_number(f"{series}{'0' * zeros}{number}{rest}") == expected
