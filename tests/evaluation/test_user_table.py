"""Tables of other models' predictions, as people have them."""

import numpy as np
import pandas as pd
import pytest
import torch

from xray.evaluation.user_table import read_user_table
from xray.utils.errors import UserError


def table(**columns):
    """Return a small table of four images; columns are replaced, or left out if None."""
    usual = {"label": [0, 1, 1, 0], "probability": [0.1, 0.9, 0.7, 0.6], "patient": ["a", "b", "b", "c"]}
    return {name: values for name, values in (usual | columns).items() if values is not None}


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 1, 0], ["0", "1", "1", "0"], [0.0, 1.0, 1.0, 0.0], [False, True, True, False], ["a", "b", "b", "a"]],
)
def test_reads_labels_of_every_kind(labels):
    names = ("a", "b")
    read = read_user_table(table(label=labels), class_names=names)
    assert list(read.table.label) == ["a", "b", "b", "a"]
    assert read.source["class_names"] == ["a", "b"]


def test_class_names_are_usual_ones_or_negative_and_positive():
    assert read_user_table(table()).source["class_names"] == ["negative", "positive"]
    usual = read_user_table(table(label=["NORMAL", "PNEUMONIA", "PNEUMONIA", "NORMAL"]))
    assert usual.source["class_names"] == ["NORMAL", "PNEUMONIA"]
    other_case = read_user_table(table(label=["Normal", "Pneumonia", "Pneumonia", "Normal"]))
    assert list(other_case.table.label) == list(usual.table.label)
    with pytest.raises(UserError, match="labels healthy, sick: name the negative"):
        read_user_table(table(label=["healthy", "sick", "sick", "healthy"]))


def test_frame_with_index_and_csv_give_the_same(tmp_path):
    frame = pd.DataFrame(table(sex=["F", "M", None, "F"], site=[1, 2, np.nan, 2]), index=[10, 20, 30, 40])
    frame.to_csv(tmp_path / "t.csv")
    from_frame, from_csv = read_user_table(frame), read_user_table(tmp_path / "t.csv")
    for field in ("path", "patient", "label", "decision"):
        assert list(getattr(from_frame.table, field)) == list(getattr(from_csv.table, field))
    assert from_frame.columns == from_csv.columns == {"sex": ["F", "M", "", "F"], "site": ["1", "2", "", "2"]}
    assert from_frame.table.logit.tolist() == from_csv.table.logit.tolist()


def test_logits_and_probabilities_say_the_same():
    probability = [0.1, 0.9, 0.7, 0.6]
    logit = [float(np.log(p / (1 - p))) for p in probability]
    by_logit = read_user_table(table(probability=None, logit=logit))
    np.testing.assert_allclose(by_logit.table.probability, probability)
    np.testing.assert_allclose(read_user_table(table()).table.logit, logit)


def test_certain_probabilities_keep_their_order():
    probability = [0.0, 1e-300, 1 - 1e-16, 1.0]
    read = read_user_table(table(probability=probability))
    assert np.isfinite(read.table.logit).all()
    assert (np.diff(read.table.logit) > 0).all()
    assert read.table.probability.tolist() == probability


def test_default_threshold_is_named():
    read = read_user_table(table())
    assert list(read.table.decision) == ["negative", "positive", "positive", "positive"]
    assert "Nobody has chosen a threshold for this table: it is 0.5." in read.source["notes"]
    assert list(read_user_table(table(), threshold=0.65).table.decision)[3] == "negative"


def test_decisions_of_the_table_count_unless_a_threshold_is_given():
    own = table(decision=[0, 1, 1, 0])
    read = read_user_table(own)
    assert list(read.table.decision) == ["negative", "positive", "positive", "negative"]
    assert 0.6 < read.source["threshold"] <= 0.7
    assert list(read_user_table(own, threshold=0.2).table.decision)[3] == "positive"
    inconsistent = read_user_table(table(decision=[1, 0, 1, 0]))
    assert list(inconsistent.table.decision) == ["positive", "negative", "positive", "negative"]
    assert any("do not follow from one threshold" in note for note in inconsistent.source["notes"])


def test_rows_without_patient_are_patients_of_their_own():
    nobody = read_user_table(table(patient=None))
    assert len(set(nobody.table.patient)) == 4
    assert any("no column patient" in note for note in nobody.source["notes"])
    some = read_user_table(table(patient=["a", None, float("nan"), "a"]))
    assert len(set(some.table.patient)) == 3
    assert any("Rows without patient" in note for note in some.source["notes"])


def test_rows_without_prediction_are_left_out_with_a_note():
    read = read_user_table(
        table(outcome=["predicted", "rejected", "predicted", "predicted"], probability=[0.1, None, 0.7, 0.6])
    )
    assert len(read.table) == 3
    assert "Left out, since they have no prediction: 1 rejected." in read.source["notes"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": None}, "no column label"),
        ({"probability": None}, "no column probability and none called logit"),
        ({"probability": [0.1, 1.2, 0.5, 0.5]}, "column probability has 1.2 in row 2: .* from 0 to 1"),
        ({"probability": [0.1, float("nan"), 0.5, 0.5]}, "column probability has no value in row 2"),
        ({"probability": ["0.1", "0.2", "high", "0.5"]}, "column probability has 'high' in row 3"),
        ({"probability": None, "logit": [0, 1, float("inf"), 2]}, "column logit has 'inf' in row 3"),
        ({"label": [0, 1, None, 1]}, "column label has no value in row 3"),
        ({"label": [0, 1, 2, 1]}, "labels 0, 1, 2"),
        ({"decision": [0, 1, 3, 1]}, "column decision has '3' in row 3"),
        ({"patient": ["a"]}, "different lengths"),
        ({"label": [], "probability": [], "patient": []}, "no row"),
    ],
)
def test_errors_are_one_line_that_names_the_row(columns, message):
    with pytest.raises(UserError, match=message) as caught:
        read_user_table(table(**columns))
    assert len(caught.value.lines) == 1


@pytest.mark.parametrize("names", [("a", "a"), ("a", "b", "c"), ("a",), "ab"])
def test_class_names_are_two_different_ones(names):
    with pytest.raises(UserError, match="must be two different names"):
        read_user_table(table(label=["a", "b", "b", "a"]), class_names=names)


def test_a_column_that_is_there_twice_is_rejected(tmp_path):
    frame = pd.DataFrame(table())
    frame = pd.concat([frame, frame[["probability"]]], axis=1)
    frame.to_csv(tmp_path / "t.csv", index=False)
    for given in (frame, tmp_path / "t.csv"):
        with pytest.raises(UserError, match="two columns probability"):
            read_user_table(given)


def test_files_of_spreadsheets_are_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbflabel;probability\r\n0;0.1\r\n;\r\n\r\n1;0.9\r\n;\r\n")
    read = read_user_table(tmp_path / "t.csv")
    assert (list(read.table.label), read.table.probability.tolist()) == (["negative", "positive"], [0.1, 0.9])
    (tmp_path / "t.csv").write_text("label,probability\n\n0,0.1\n1\n")
    with pytest.raises(UserError, match="line 4 has 1 values for 2 columns"):
        read_user_table(tmp_path / "t.csv")


def test_columns_may_be_tensors_but_not_single_values():
    tensors = read_user_table(table(label=torch.tensor([0, 1, 1, 0]), probability=torch.tensor([0.1, 0.9, 0.7, 0.6])))
    assert list(tensors.table.label) == list(read_user_table(table()).table.label)
    with pytest.raises(UserError, match="one value as column label"):
        read_user_table(table(label=1))


def test_other_things_are_no_table(tmp_path):
    with pytest.raises(UserError, match="not a list"):
        read_user_table([1, 2])
    with pytest.raises(UserError, match="cannot be read"):
        read_user_table(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("label,probability\n1\n")
    with pytest.raises(UserError, match="line 2 has 1 values for 2 columns"):
        read_user_table(tmp_path / "short.csv")
    with pytest.raises(UserError, match="threshold 50"):
        read_user_table(table(), threshold=50)
