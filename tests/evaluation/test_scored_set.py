"""Scored sets round-trip through their folder, and damaged ones are rejected."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.evaluation.predictions import Predictions
from xray.evaluation.scored_set import (
    ABLATIONS,
    DUPLICATES,
    IMAGE_COLUMNS,
    IMAGES,
    OOD,
    PREDICTIONS,
    ROBUSTNESS,
    SOURCE,
    ScoredSet,
    read_scored_set,
    write_scored_set,
)
from xray.utils.errors import UserError

CLASSES = ["NORMAL", "PNEUMONIA"]
ODD_NAMES = ("a,b.png", 'say "aah".png', "two\nlines.png", " spaces ", "胸部/🫁.png", os.fsdecode(b"caf\xe9.png"))


def scored_set(paths=("a.png", "b.png", "c.png"), **parts):
    """Return a scored set with all tables, some replaced by `parts`."""
    images = len(paths)
    numbers = np.linspace(-1, 1, images) + 0.1
    table = Predictions(
        list(paths),
        [f"p{i}" for i in range(images)],
        [CLASSES[i % 2] for i in range(images)],
        numbers,
        1 / (1 + np.exp(-numbers)),
        [CLASSES[int(number > 0)] for number in numbers],
    )
    source = {"class_names": CLASSES, "temperature": 1.0, "threshold": 0.5, "run": "cnn/version_0"}
    whole = {
        "table": table,
        "source": source,
        "images": {key: [str(10 + i) for i in range(images)] for key in IMAGE_COLUMNS},
        "ablations": {"statistics": numbers / 3, "border_only": -numbers},
        "ood_scores": {"outlines": numbers**2, "tone": 1 + numbers},
        "robustness": {"blur_1": numbers * 1e-300, "blur_2": numbers + 0.2},
        "duplicates": [{"first": path, "similarity": 0.99} for path in paths[:1]],
    }
    return ScoredSet(**whole | parts)


def same(one, other):
    for key in ("path", "patient", "label", "decision"):
        assert list(getattr(one.table, key)) == list(getattr(other.table, key))
    for key in ("logit", "probability"):
        np.testing.assert_array_equal(getattr(one.table, key), getattr(other.table, key))
    assert one.source == other.source
    assert {k: list(v) for k, v in one.images.items()} == {k: list(v) for k, v in other.images.items()}
    for name in ("ablations", "ood_scores", "robustness"):
        columns, others = getattr(one, name), getattr(other, name)
        assert list(columns) == list(others)
        for name in columns:
            np.testing.assert_array_equal(columns[name], others[name])
    assert list(one.duplicates) == list(other.duplicates)


def test_scored_set_with_unusual_names_round_trips(tmp_path):
    written = scored_set(ODD_NAMES)
    write_scored_set(tmp_path / "new" / "test", written)
    same(read_scored_set(tmp_path / "new" / "test"), written)


# Surrogates (bytes that are not UTF-8) are tested above.
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)


@given(paths=st.lists(NAME, min_size=1, max_size=5), names=st.lists(NAME, max_size=3, unique=True), data=st.data())
def test_columns_round_trip_to_the_bit(tmp_path_factory, paths, names, data):
    numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=len(paths), max_size=len(paths))
    ablations = {name: np.array(data.draw(numbers)) for name in names}
    written = scored_set(paths, ablations=ablations)
    folder = tmp_path_factory.mktemp("scored_set")
    write_scored_set(folder, written)
    same(read_scored_set(folder), written)


def test_missing_tables_are_empty(tmp_path):
    written = scored_set(images={}, ablations={}, ood_scores={}, robustness={}, duplicates=())
    write_scored_set(tmp_path, written)
    same(read_scored_set(tmp_path), written)
    assert {path.name for path in tmp_path.iterdir()} == {PREDICTIONS, SOURCE, DUPLICATES}


def test_removes_tables_of_an_earlier_scoring(tmp_path):
    write_scored_set(tmp_path, scored_set())
    assert {path.name for path in tmp_path.iterdir()} == {
        PREDICTIONS,
        SOURCE,
        IMAGES,
        ABLATIONS,
        OOD,
        ROBUSTNESS,
        DUPLICATES,
    }
    later = scored_set(("a.png", "b.png"), robustness={}, ood_scores={}, ablations={}, images={}, duplicates=())
    write_scored_set(tmp_path, later)
    same(read_scored_set(tmp_path), later)


def test_reads_tables_without_images(tmp_path):
    write_scored_set(tmp_path, scored_set(()))
    result = read_scored_set(tmp_path)
    assert len(result.table) == 0
    assert result.ablations["statistics"].shape == (0,)


def message(folder, name):
    with pytest.raises(UserError) as error:
        read_scored_set(folder)
    text = str(error.value)
    assert "\n" not in text
    assert str(folder / name) in text
    return text


@pytest.mark.parametrize("name", [PREDICTIONS, SOURCE])
def test_rejects_a_missing_file(tmp_path, name):
    write_scored_set(tmp_path, scored_set())
    (tmp_path / name).unlink()
    assert "does not exist" in message(tmp_path, name)


DAMAGED = {
    "cut in a row": lambda text: text[:-4],
    "a row lost": lambda text: "\n".join(text.split("\n")[:-2]) + "\n",
    "a row twice": lambda text: text + text.split("\n")[-2] + "\n",
    "rows in another order": lambda text: "\n".join([text.split("\n")[i] for i in (0, 2, 1, 3, 4)]),
    "header lost": lambda text: "\n".join(text.split("\n")[1:]),
    "a cell too many": lambda text: text.replace("\n", ",1\n").replace(",1", "", 1),
    "an empty line": lambda text: text.replace("\n", "\n\n", 1),
    "empty": lambda text: "",
    "other images": lambda text: text.replace("a.png", "z.png"),
    "open quote": lambda text: '"' + text,
    "endless cell": lambda text: "x" * 200_000 + text,
    "not text": lambda text: "\x00\udcff\udcfe",
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("name", [IMAGES, ABLATIONS])
def test_rejects_a_damaged_table(tmp_path, name, damage):
    write_scored_set(tmp_path, scored_set())
    text = damage((tmp_path / name).read_text())
    (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    assert "damaged" in message(tmp_path, name)


@pytest.mark.parametrize("name", [SOURCE, DUPLICATES])
@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"3", b"null", b'"text"', b"\xff\xfe"])
def test_rejects_damaged_json(tmp_path, name, content):
    write_scored_set(tmp_path, scored_set())
    (tmp_path / name).write_bytes(content)
    assert "damaged" in message(tmp_path, name)


@pytest.mark.parametrize("key", ["class_names", "temperature", "threshold"])
def test_rejects_an_incomplete_source(tmp_path, key):
    write_scored_set(tmp_path, scored_set())
    source = json.loads((tmp_path / SOURCE).read_text())
    del source[key]
    (tmp_path / SOURCE).write_text(json.dumps(source))
    assert key in message(tmp_path, SOURCE)


@pytest.mark.parametrize(
    ("column", "value"),
    [("logit", np.nan), ("logit", np.inf), ("probability", np.nan), ("probability", 1.5), ("probability", -0.1)],
)
def test_rejects_invalid_predictions_with_file_and_line(tmp_path, column, value):
    # As a diverged network would give.
    second = "two\nlines.png"
    whole = scored_set(("a.png", second, "c.png"))
    numbers = getattr(whole.table, column).copy()
    numbers[1] = value
    write_scored_set(tmp_path, replace(whole, table=replace(whole.table, **{column: numbers})))
    text = message(tmp_path, PREDICTIONS)
    assert "line 3" in text
    assert repr(second) in text
    assert str(value) in text


@pytest.mark.parametrize(
    ("name", "part", "value"),
    [(ABLATIONS, "ablations", np.nan), (OOD, "ood_scores", np.inf), (ROBUSTNESS, "robustness", -np.inf)],
)
def test_rejects_non_finite_scores_with_line_and_column(tmp_path, name, part, value):
    write_scored_set(tmp_path, scored_set(**{part: {"good": np.zeros(3), "shape_1": np.array([0.0, 1.0, value])}}))
    text = message(tmp_path, name)
    assert "line 4" in text
    assert "shape_1" in text


def test_rejects_text_in_a_numeric_column(tmp_path):
    write_scored_set(tmp_path, scored_set())
    text = (tmp_path / ABLATIONS).read_text()
    (tmp_path / ABLATIONS).write_text(text.rsplit(",", 1)[0] + ",high\n")
    text = message(tmp_path, ABLATIONS)
    assert "border_only" in text
    assert "high" in text


@pytest.mark.parametrize("value", ["", "-3", "1.5", "wide", "nan"])
def test_rejects_an_invalid_image_size(tmp_path, value):
    write_scored_set(tmp_path, scored_set(images={"width": ["10", value, "0"], "height": ["10", "10", "0"]}))
    text = message(tmp_path, IMAGES)
    assert "width" in text
    assert repr(value) in text


@pytest.mark.parametrize(("column", "value"), [("label", ""), ("label", "normal"), ("decision", "COVID")])
def test_rejects_an_unknown_class(tmp_path, column, value):
    whole = scored_set()
    write_scored_set(tmp_path, replace(whole, table=replace(whole.table, **{column: ["NORMAL", value, "PNEUMONIA"]})))
    text = message(tmp_path, PREDICTIONS)
    assert f"the {column} {value!r}" in text
    assert "NORMAL, PNEUMONIA" in text


def test_a_set_of_an_earlier_version_is_rejected_until_it_is_written_again(tmp_path):
    write_scored_set(tmp_path, scored_set())
    (tmp_path / ABLATIONS).rename(tmp_path / "controls.csv")
    with pytest.raises(UserError, match=r"earlier version.*xray test"):
        read_scored_set(tmp_path)
    write_scored_set(tmp_path, scored_set())
    assert read_scored_set(tmp_path).ablations


def test_a_set_with_an_old_name_of_an_ablation_is_rejected(tmp_path):
    write_scored_set(tmp_path, replace(scored_set(), ablations={"centre_blanked": np.zeros(3)}))
    with pytest.raises(UserError, match=r"earlier version.*xray test"):
        read_scored_set(tmp_path)
