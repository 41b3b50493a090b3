"""The predictions table round-trips exactly, and damaged tables are rejected."""

import csv
import os
from itertools import cycle, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.evaluation.predictions import COLUMNS, Predictions, decide, read_predictions, write_predictions
from xray.utils.errors import UserError

HEADER = ",".join(COLUMNS)
ROW = "a.png,p1,NORMAL,-1.5,0.2,NORMAL"
# Surrogates (bytes that are not UTF-8) have their own test.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
FLOAT = st.floats(allow_nan=False)


def table(*rows):
    path, patient, label, logit, probability, decision = (list(column) for column in zip(*rows, strict=True))
    return Predictions(path, patient, label, np.array(logit), np.array(probability), decision)


def columns(predictions):
    texts = (predictions.path, predictions.patient, predictions.label, predictions.decision)
    # Bytes distinguish 0.0 from -0.0 and show every digit.
    return [tuple(text) for text in texts], predictions.logit.tobytes(), predictions.probability.tobytes()


def one(path):
    return table((path, "p1", "NORMAL", 0.5, 0.6, "PNEUMONIA"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "predictions.csv"


@given(rows=st.lists(st.tuples(TEXT, TEXT, TEXT, FLOAT, FLOAT, TEXT), min_size=1, max_size=8))
def test_table_round_trips_to_the_bit(scratch, rows):
    written = table(*rows)
    write_predictions(scratch, written)
    assert columns(read_predictions(scratch)) == columns(written)


def test_extreme_float64_values_round_trip(tmp_path):
    numbers = [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, np.nextafter(1, 0), 0.1 + 0.2, -0.0]
    written = table(*((f"{i}.png", "p", "", x, x, "NORMAL") for i, x in enumerate(numbers)))
    write_predictions(tmp_path / "p.csv", written)
    assert columns(read_predictions(tmp_path / "p.csv")) == columns(written)


@pytest.mark.parametrize(
    "path",
    [
        "a,b.png",
        'say "aah".png',
        "two\nlines.png",
        "胸部/ångström 🫁.png",
        " spaces ",
        "'=1+1'",
        os.fsdecode(b"caf\xe9.png"),
    ],
)
def test_unusual_paths_round_trip(tmp_path, path):
    write_predictions(tmp_path / "p.csv", one(path))
    assert list(read_predictions(tmp_path / "p.csv").path) == [path]


def test_file_is_plain_csv(tmp_path):
    write_predictions(tmp_path / "new" / "p.csv", one("a,b.png"))
    with (tmp_path / "new" / "p.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            "path": "a,b.png",
            "patient": "p1",
            "label": "NORMAL",
            "logit": "0.5",
            "probability": "0.6",
            "decision": "PNEUMONIA",
        }
    ]


def test_reads_a_table_without_rows(tmp_path):
    (tmp_path / "p.csv").write_text(HEADER + "\n")
    assert len(read_predictions(tmp_path / "p.csv")) == 0


def message(path):
    with pytest.raises(UserError) as error:
        read_predictions(path)
    text = str(error.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_rejects_a_missing_table(tmp_path, make):
    make(tmp_path / "p.csv")
    assert "does not exist" in message(tmp_path / "p.csv")


@pytest.mark.parametrize(
    "content", ["", "\n", "path,label\na,b\n", f"{HEADER},extra\n{ROW},1\n", f"{ROW}\n", '"a\nb",c\n', "n: 1\n"]
)
def test_rejects_other_columns(tmp_path, content):
    (tmp_path / "p.csv").write_text(content)
    assert HEADER.replace(",", ", ") in message(tmp_path / "p.csv")


DAMAGED = {
    "cut in a row": f"{HEADER}\n{ROW}\na2.png,p1,NOR",
    "cut in every row": f"{HEADER}\na.png,p1,NORMAL,-1.5\n",
    "no decision": f"{HEADER}\na.png,p1,NORMAL,-1.5,0.2\n",
    "a cell too many": f"{HEADER}\n{ROW},1\n",
    "a cell too many in one row": f"{HEADER}\n{ROW}\n{ROW},1\n{ROW}\n",
    "comma lost": f"{HEADER}\n{ROW}\na.png,p1,NORMAL,-1.50.2,NORMAL\n",
    "no number": f"{HEADER}\n{ROW.replace('-1.5', 'high')}\n",
    "empty number": f"{HEADER}\n{ROW.replace('0.2', '')}\n",
    "open quote": f'{HEADER}\n"{ROW}\n',
    "endless cell": f"{HEADER}\n{'a' * 200_000}{ROW}\n",
    "no text": b"\x89PNG\r\n\x1a\n\0\0\xff\xfe",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_rejects_a_damaged_table(tmp_path, content):
    (tmp_path / "p.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    message(tmp_path / "p.csv")


def test_failed_write_keeps_the_earlier_table(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(path, one("earlier.png"))
    earlier = path.read_bytes()
    rows = list(islice(cycle([("later.png", "p", "", 0.0, 0.5, "NORMAL")]), 10_000))
    broken = table(*rows)
    broken.decision.pop()  # only noticed in the last row
    with pytest.raises(ValueError, match="zip"):
        write_predictions(path, broken)
    assert path.read_bytes() == earlier
    assert list(tmp_path.iterdir()) == [path]


def test_probability_at_the_threshold_is_positive():
    assert decide(np.array([0.2, np.nextafter(0.3, 0), 0.3, 0.9]), 0.3, ("NORMAL", "PNEUMONIA")) == [
        "NORMAL", "NORMAL", "PNEUMONIA", "PNEUMONIA",
    ]  # fmt: skip


def test_decide_rejects_nan():
    # As a diverged network would give.
    with pytest.raises(UserError) as error:
        decide(np.array([0.2, np.nan, 0.9]), 0.3, ("NORMAL", "PNEUMONIA"))
    assert "\n" not in str(error.value)
