import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.conftest import draw, one_class, source

from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.summary import summarise
from xray.report.summary_text import (
    TITLES,
    answer,
    banners,
    count,
    interval,
    number,
    operating_point,
    percent,
    rows,
    with_interval,
)


@given(st.floats(-1e6, 1e6))
def test_a_written_number_is_within_half_a_unit_of_its_last_digit(value):
    text = number(value)
    if text[0] not in "<>":
        assert float(text) == pytest.approx(value, abs=0.5e-4 if abs(value) < 10 else 0, rel=5e-4)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_only_all_is_written_as_all_and_only_none_as_none(value):
    assert number(value) not in {"1.0000", "0.0000"}
    assert percent(value) not in {"100%", "100.0%", "0%", "0.0%"}


@pytest.mark.parametrize(
    ("value", "written", "share"),
    [
        (1.0, "1.0000", "100%"),
        (0.0, "0.0000", "0%"),
        (None, "not defined", "not defined"),
        (0.97855, "0.9786", "97.9%"),
    ],
)
def test_numbers_as_written(value, written, share):
    assert number(value) == written
    assert percent(value) == share


def test_large_and_tiny_numbers():
    assert number(91.00536) == "91.01"
    assert number(0.00001) == "<0.0001"
    assert number(0.99999) == ">0.9999"
    assert number(-0.00001) == ">-0.0001"


def test_an_interval_is_told_as_far_as_it_is_defined():
    assert interval({"value": 0.5, "low": 0.25, "high": 0.75}) == "0.2500 to 0.7500"
    assert interval({"value": 0.5, "low": 0.25, "high": None, "reason": "r"}) == "0.2500 to any"
    assert interval({"value": 0.5, "low": None, "high": None, "reason": "r"}) == ""
    assert with_interval({"value": None, "low": None, "high": None, "reason": "why"}) == "not defined (why)"
    assert with_interval({"value": 0.5, "low": None, "high": None, "reason": "why"}) == "0.5000 (no interval)"


def test_counts_agree_with_their_noun():
    assert [count(n, "image") for n in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]


def test_the_answer_holds_the_figures_of_the_summary():
    found = draw()
    summary = summarise(found)
    text = " ".join(answer(summary))
    figures, counts = summary["figures"], summary["confusion_matrix"]
    positives = np.sum(np.array(found.table.label) == "PNEUMONIA")
    assert f"60 images of 24 patients: {60 - positives} NORMAL and {positives} PNEUMONIA" in text
    assert f"AUROC {with_interval(figures['auroc'])}" in text
    sensitivity = with_interval(figures["sensitivity"], percent)
    assert f"finds {counts['tp']} of {positives} PNEUMONIA images: sensitivity {sensitivity}" in text
    assert f"specificity {with_interval(figures['specificity'], percent)}" in text


def test_the_answer_of_one_class_says_what_is_not_defined():
    text = " ".join(answer(summarise(one_class(draw()))))
    assert "AUROC is not defined" in text
    assert "specificity not defined" in text


def test_rows_hold_each_figure_once_and_delong_beside_auroc():
    summary = summarise(draw())
    found = rows(summary)
    assert [title for title, _ in found[:2]] == ["AUROC", "AUROC by DeLong"]
    assert found[1][1] == summary["auroc_delong"]
    assert len(found) == len(summary["figures"]) + 1
    assert len({title for title, _ in found}) == len(found)
    assert set(TITLES) == {name for name in summary["figures"] if "_at_" not in name}


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"set": "validate", "split": "val"}, "Validation images"),
        ({"external": True}, "External data"),
        ({"decision": None}, "No operating point was fitted"),
    ],
)
def test_what_must_be_known_first_is_a_banner(changes, title):
    plain = draw(duplicates=[], ablations={})
    assert banners(summarise(plain)) == []
    changed = ScoredSet(plain.table, source(**changes))
    assert [name for _, name, _ in banners(summarise(changed))] == [title]


def test_a_model_that_is_not_above_the_baseline_is_told_so():
    found = draw(duplicates=[])
    same = ScoredSet(found.table, found.source, ablations={"statistics": found.table.logit})
    ((gravity, title, text),) = banners(summarise(same))
    assert (gravity, title) == ("bad", "Not clearly above the shortcut baseline")
    assert "not clearly above this" in text


def test_images_seen_in_training_are_counted_once_each():
    found = draw(ablations={})
    pair = found.duplicates[1]
    twice = ScoredSet(found.table, found.source, duplicates=[pair, pair | {"second": "other.jpeg"}])
    ((_, title, text),) = banners(summarise(twice))
    assert title == "Images seen in training"
    assert text.startswith("1 image of 60 shows ")


def test_where_the_threshold_comes_from():
    assert "fitted on 466 validation images of 352 patients: highest sum" in operating_point(summarise(draw()))
    assert "No operating point" in operating_point(summarise(draw(source=source(decision=None))))
