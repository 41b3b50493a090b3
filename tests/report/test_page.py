"""The page holds the figures, needs nothing beside it, and stands whatever names it is given."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.report.conftest import draw, one_class, source, write, write_report

from xray import NOTICE
from xray.evaluation.scored_set import ScoredSet
from xray.report.summary_text import interval, number

EMPTY = {"meta", "img", "br", "link", "hr"}


class Reader(HTMLParser):
    """Checks that elements are closed in order; collects ids, links, tags and the text of marked rows."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.text = [], [], [], set(), []
        self.rows, self.marks = {}, []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[key] for key in ("href", "src", "xlink:href") if key in values]
        if tag not in EMPTY:
            self.open.append(tag)
            self.marks.append(next((f"{k}={v}" for k, v in attributes if k.startswith("data-")), None))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.marks.pop()

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in EMPTY:
            self.handle_endtag(tag)

    def handle_data(self, text):
        self.text.append(text)
        for mark in filter(None, self.marks):
            self.rows[mark] = self.rows.get(mark, "") + text


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def page_of(found, folder="logs/cnn/version_0/test"):
    where = write(found, folder)
    write_report(where)
    return (where / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(reported):
    return (reported / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def summary(reported):
    return json.loads((reported / "metrics.json").read_text())


def test_each_figure_stands_in_the_page_as_in_metrics_json(page, summary):
    rows = read(page).rows
    marked = {f"data-figure={name}": found for name, found in summary["figures"].items()}
    marked |= {f"data-before={name}": found for name, found in summary["before_scaling"].items()}
    marked["data-figure=auroc_delong"] = summary["auroc_delong"]
    for mark, found in marked.items():
        assert number(found["value"]) in rows[mark], mark
        assert interval(found) in rows[mark], mark
    for group in summary["subgroups"]:
        text = rows[f"data-group={group['name']}"]
        for name in ("auroc", "sensitivity", "specificity"):
            assert number(group[name]["value"]) in text
    for control in summary["shortcuts"]["ablations"]:
        assert number(control["auroc"]["value"]) in rows[f"data-control={control['name']}"]


def test_the_page_says_what_it_is_not_for_and_where_it_comes_from(page):
    text = " ".join(read(page).text)
    for part in (NOTICE, "scored-fingerprint", "c0ffee", "4,207", "Left out 1 of 61 images", "python -m xray fit"):
        assert part in text


def test_the_page_is_whole_by_itself(page):
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids))
    for link in reader.links:
        assert link.startswith("data:image/jpeg;base64,") or link.removeprefix("#") in reader.ids, link
    assert "script" not in reader.tags
    names = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"https?://[^\"'<>\s]+", page)) <= names
    assert "@import" not in page
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>cnn/version_0: test on images</title>" in page
    assert page.count('role="img"') == 10


def test_all_pictures_have_a_text(page):
    images = re.findall(r"<img [^>]*>", page)
    assert images
    assert all(re.search(r'alt="[^"]+"', image) for image in images)


@pytest.mark.parametrize(
    "names",
    [
        ["<script>alert(1)</script>", "\"><img src=x onerror='y'>"],
        ["{{ 7 * 7 }}", "$x^2$ & _a_"],
        ["N\udcff", "P\n\x07"],
    ],
)
def test_hostile_names_are_only_text(names):
    found = draw(class_names=names, root="images")
    odd = [f"a/b/{i}<script>\"'\udcfe&.jpeg" for i in range(len(found.table))]
    table = type(found.table)(
        odd, odd, found.table.label, found.table.logit, found.table.probability, found.table.decision
    )
    hostile = source(names, run="<b>run</b>", data_root="'\"><script>", notes=["<script>note</script>"], split=None)
    found = replace(found, table=table, source=hostile)
    page = page_of(found)
    reader = read(page)
    assert "script" not in reader.tags
    assert "b" not in reader.tags
    assert "49" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).split("<h1>")[1].split("</h1>")[0]
    assert "<b>run</b>" in "".join(reader.text)
    page.encode("utf-8")


def test_images_that_are_gone_leave_a_place_that_says_so():
    page = page_of(draw())
    assert "The image is no longer there." in page
    assert "<img" not in page


@pytest.mark.parametrize("kind", ["one class", "one patient", "bare", "no decision", "empty"])
def test_poor_evidence_has_a_page(kind):
    found = draw()
    bare = {"class_names": ["NORMAL", "PNEUMONIA"], "temperature": 1.0, "threshold": 0.5}
    table = found.table
    no_rows = type(table)((), (), (), table.logit[:0], table.logit[:0], ())
    one = type(table)(table.path, ["p"] * len(table), table.label, table.logit, table.probability, table.decision)
    scored_set = {
        "one class": one_class(found),
        "one patient": ScoredSet(one, found.source, ablations=found.ablations, robustness=found.robustness),
        "bare": ScoredSet(table, bare),
        "no decision": ScoredSet(table, source(decision=None)),
        "empty": ScoredSet(no_rows, found.source),
    }[kind]
    page = page_of(scored_set)
    reader = read(page)
    text = "".join(reader.text)
    assert len(reader.ids) == len(set(reader.ids))
    assert "None" not in text.replace("None.", "").replace("None on record", "")
    assert {
        "one class": "not defined for these images",
        "one patient": "one patient only",
        "bare": "No shortcut baseline is on record",
        "no decision": "python -m xray calibrate",
        "empty": "0 images of 0 patients",
    }[kind] in text


def test_other_sets_of_the_run_stand_beside_it():
    found = draw()
    other = write(draw(seed=1, source=source(external=True, data_root="/far/away")), "logs/cnn/version_0/external/away")
    figures = write_report(other)["figures"]
    row = read(page_of(found)).rows["data-set=external/away"]
    assert "external test, /far/away" in row
    for name in ("auroc", "sensitivity", "specificity"):
        assert number(figures[name]["value"]) in row
        assert interval(figures[name]) in row


def test_the_set_itself_is_not_beside_itself():
    assert "No other images of this run were scored" in page_of(draw())


def test_figures_are_told_when_shortcuts_suffice():
    found = draw()
    page = page_of(ScoredSet(found.table, found.source, ablations={"statistics": found.table.logit}))
    assert "Not clearly above the shortcut baseline" in page
    assert ">not clear<" in page


def test_a_page_of_many_images_stays_small():
    page_of(draw(images=3000, patients=1500))
    assert Path("logs/cnn/version_0/test/report.html").stat().st_size < 2e6
