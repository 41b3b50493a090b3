from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.conftest import draw, one_class, small, source

from xray.evaluation.registry import METRICS
from xray.evaluation.summary import summarise
from xray.report.summary_text import (
    banners,
    count,
    format_of,
    headline,
    interval,
    metric_rows,
    number,
    number_format,
    operating_point,
    percent,
    percent_format,
    with_interval,
)


@given(st.floats(-1e6, 1e6))
def test_number_rounds_correctly(value):
    text = number(value)
    if text[0] not in "<>":
        assert float(text) == pytest.approx(value, abs=0.5e-4 if abs(value) < 10 else 0, rel=5e-4)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_only_exact_values_show_as_0_or_1(value):
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
def test_number_and_percent(value, written, share):
    assert number(value) == written
    assert percent(value) == share


@pytest.mark.parametrize(
    ("images", "written", "share"),
    [(199, "0.94", "94%"), (200, "0.936", "93.6%"), (1999, "0.936", "93.6%"), (2000, "0.9357", "93.6%")],
)
def test_few_images_have_few_decimals(images, written, share):
    assert number_format({"images": images})(0.93566) == written
    assert percent_format({"images": images})(0.93566) == share


@pytest.mark.parametrize(
    ("entry", "many", "few"),
    [({}, "0.9357", "0.94"), ({"digits": 1}, "0.9", "0.9"), ({"percent": True}, "93.6%", "94%")],
)
def test_format_follows_the_entry_of_the_metric_and_the_number_of_images(entry, many, few):
    with patch.dict(METRICS, own=replace(METRICS["auroc"], **entry)):
        assert format_of("own")(0.93566) == format_of("own", {"images": 5000})(0.93566) == many
        assert format_of("own", {"images": 199})(0.93566) == few


def test_percent_without_decimals():
    shown = [percent(value, 0) for value in (0.0, 0.004, 0.994, 0.997, 1.0)]
    assert shown == ["0%", "<1%", "99%", ">99%", "100%"]


def test_large_and_tiny_numbers():
    assert number(91.00536) == "91.01"
    assert number(0.00001) == "<0.0001"
    assert number(0.99999) == ">0.9999"
    assert number(-0.00001) == "-1e-05"
    assert number(-0.0026, 2) == "-0.003"


def test_percentages_below_0_and_above_100():
    """Metrics of one's own may have them."""
    assert percent(-0.2) == "-20.0%"
    assert percent(1.25) == "125.0%"


def test_interval_formats():
    assert interval({"value": 0.5, "low": 0.25, "high": 0.75}) == "0.2500 to 0.7500"
    assert interval({"value": 0.5, "low": 0.25, "high": None, "reason": "r"}) == "0.2500 to unbounded"
    assert interval({"value": 0.5, "low": None, "high": None, "reason": "r"}) == ""
    assert with_interval({"value": None, "low": None, "high": None, "reason": "why"}) == "not defined (why)"
    assert with_interval({"value": 0.5, "low": None, "high": None, "reason": "why"}) == "0.5000 (no interval)"


def test_count_uses_plural():
    assert [count(n, "image") for n in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]


def test_headline_has_the_main_metrics(summary):
    text = " ".join(headline(summary))
    metrics, counts = summary["metrics"], summary["confusion_matrix"]
    positives = draw().table.label.count("PNEUMONIA")
    assert f"60 images of 24 patients: {60 - positives} NORMAL and {positives} PNEUMONIA" in text
    assert f"AUROC {with_interval(metrics['auroc'], number_format(summary))}" in text
    in_percent = percent_format(summary)
    sensitivity = with_interval(metrics["sensitivity"], in_percent)
    assert f"predicts PNEUMONIA for {counts['tp']} of {positives} PNEUMONIA images: sensitivity {sensitivity}" in text
    assert f"specificity {with_interval(metrics['specificity'], in_percent)}" in text


def test_headline_of_one_class():
    text = " ".join(headline(summarise(one_class(draw()))))
    assert "AUROC is not defined" in text
    assert "specificity not defined" in text


def test_metric_rows_have_each_metric_once(summary):
    result = metric_rows(summary)
    assert [row[0] for row in result[:2]] == ["AUROC", "AUROC by DeLong"]
    assert result[1][1] == summary["auroc_delong"]
    assert len(result) == len(summary["metrics"]) + 1
    assert len({row[0] for row in result}) == len(result)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"set": "validate", "split": "val"}, "Validation images"),
        ({"external": True}, "External data"),
        ({"decision": None}, "No operating point was fitted"),
    ],
)
def test_banner_for(changes, title):
    summary = summarise(small())
    assert banners(summary) == []
    assert [name for _, name, _ in banners(summary | {"source": source(**changes)})] == [title]


def test_banner_if_not_above_the_shortcut_baseline():
    result = small()
    same = replace(result, ablations={"statistics": result.table.logit})
    ((severity, title, text),) = banners(summarise(same))
    assert (severity, title) == ("bad", "Not clearly above the shortcut baselines")
    assert "not clearly above this baseline" in text


def test_the_first_banner_says_that_the_decision_does_not_hold():
    summary = summarise(small(external=True)) | {"validation_gap": {"sentences": ["Lower.", "Calibrate."]}}
    assert banners(summary)[0] == ("bad", "Not as on the validation images", "Lower. Calibrate.")


def test_banner_counts_images_seen_in_training_once():
    pair = draw().duplicates[1]
    twice = [pair, pair | {"second": "other.jpeg"}]
    ((_, title, text),) = banners(summarise(small()) | {"duplicates": twice})
    assert title == "Images seen in training"
    assert text.startswith("1 image of 60 is a duplicate ")


def test_operating_point_sentence(summary):
    assert "fitted on 466 validation images of 352 patients: highest sum" in operating_point(summary)
    assert "No operating point" in operating_point(summary | {"source": source(decision=None)})
