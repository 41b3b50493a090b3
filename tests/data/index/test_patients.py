"""Patients are read from the names of the public release, and from other names by a pattern."""

import re

import pytest
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
def test_reads_patient_and_group_from_release_names(name, patient, group):
    assert patient_of(name, KERMANY) == (patient, group)


@pytest.mark.parametrize(
    "name",
    ["image.jpeg", "00000001_000.png", "person_virus_1.jpeg", "person7_fungus_1.jpeg", "IM-x-1.jpeg", "IM-0115.png"],
)
def test_other_names_have_no_patient(name):
    assert patient_of(name, KERMANY) is None


def test_real_images_have_patients(real_images):
    names = {c: {p.name for p in real_images.glob(f"*/{c}/*.jpeg")} for c in ("NORMAL", "PNEUMONIA")}
    groups = {c: {found.group for name in names[c] if (found := patient_of(name, KERMANY))} for c in names}
    assert all(patient_of(name, KERMANY) for name in names["NORMAL"] | names["PNEUMONIA"])
    assert groups["NORMAL"] == {name[: name.index("IM-") + 7] for name in names["NORMAL"]}
    assert groups["PNEUMONIA"] == {name.partition("_")[0] for name in names["PNEUMONIA"]}


def test_group_defaults_to_the_patient():
    pattern = compile_pattern(r"^(?P<patient>\d+)_")
    assert patient_of("00012_003.png", pattern) == ("00012", "00012")


def test_a_pattern_may_have_a_group():
    pattern = compile_pattern(r"^(?P<patient>(?P<group>family\d+)[a-z])_")
    assert patient_of("family3a_1.png", pattern) == ("family3a", "family3")
    assert patient_of("family3b_1.png", pattern) == ("family3b", "family3")


def test_an_unmatched_group_defaults_to_the_patient():
    pattern = compile_pattern(r"^(?:(?P<group>family\d+)-)?(?P<patient>\d+)_")
    assert patient_of("7_1.png", pattern) == ("7", "7")


@pytest.mark.parametrize("pattern", [r"^(?P<patient>\d*)_", r"^(?P<patient>\d+)?_"])
def test_an_empty_match_is_not_a_patient(pattern):
    assert patient_of("_1.png", compile_pattern(pattern)) is None


@pytest.mark.parametrize("pattern", ["(", "(?P<patient>x)(?P<patient>y)"])
def test_rejects_an_invalid_regular_expression(pattern):
    with pytest.raises(UserError, match=re.escape(repr(pattern))):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["", r"(\d+)_", r"(?P<Patient>\d+)_"])
def test_rejects_a_pattern_without_a_patient_group(pattern):
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
def test_series_and_number(group, expected):
    assert series_and_number(group) == expected
