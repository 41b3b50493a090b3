"""The page shows all metrics, is self-contained, and escapes hostile names."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.report.conftest import draw, one_class, small, source, write, write_report

from xray import NOTICE
from xray.evaluation.predictions import Predictions
from xray.evaluation.scored_set import ScoredSet
from xray.evaluation.summary import summarise
from xray.report.build import siblings
from xray.report.page import render_page
from xray.report.summary_text import interval, number_format

EMPTY = {"meta", "img", "br", "link", "hr"}


class Reader(HTMLParser):
    """Check that elements are closed in order; collect ids, links, tags and the text of marked rows."""

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


def page_of(scored_set):
    folder = write(scored_set)
    write_report(folder)
    return (folder / "report.html").read_text(encoding="utf-8")


def page_without_figures(scored_set, others=()):
    return render_page(scored_set, summarise(scored_set), {}, others)


@pytest.fixture(scope="module")
def page(reported):
    return (reported / "report.html").read_text(encoding="utf-8")


def test_page_shows_every_metric_of_metrics_json(page, reported):
    summary = json.loads((reported / "metrics.json").read_text())
    rows, number = read(page).rows, number_format(summary)
    marked = {f"data-metric={name}": scored_set for name, scored_set in summary["metrics"].items()}
    marked |= {f"data-before={name}": scored_set for name, scored_set in summary["before_scaling"].items()}
    marked["data-metric=auroc_delong"] = summary["auroc_delong"]
    for mark, scored_set in marked.items():
        assert number(scored_set["value"]) in rows[mark], mark
        assert interval(scored_set, number) in rows[mark], mark
    for group in summary["subgroups"]:
        text = rows[f"data-group={group['name']}"]
        for name in ("auroc", "sensitivity", "specificity"):
            assert number(group[name]["value"]) in text
    for row in summary["shortcuts"]["ablations"]:
        assert number(row["auroc"]["value"]) in rows[f"data-shortcut={row['name']}"]


def test_page_shows_notice_and_provenance(page):
    text = " ".join(read(page).text)
    for part in (NOTICE, "scored-fingerprint", "c0ffee", "4,207", "Left out 1 of 61 images", "python -m xray fit"):
        assert part in text
    assert "No other images were scored with this run" in text


def test_page_is_self_contained(page):
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
    assert page.count('role="img"') == 11


def test_figures_have_their_values_as_text(page, reported):
    summary = json.loads((reported / "metrics.json").read_text())
    texts = re.findall(r'role="img" aria-label="([^"]+)"', page)
    labels = {text.split(".")[0].split(",")[0]: text for text in texts}
    auroc = f"{summary['metrics']['auroc']['value']:.2f}"
    for title in ("ROC curve", "Forest plot of AUROC"):
        assert auroc in labels[title]
    assert f"{summary['confusion_matrix']['tp']} PNEUMONIA" in labels["Confusion matrix"]
    assert "epoch 2: training loss 0.200, validation loss 0.250" in labels["Loss and AUROC by epoch"]


def test_page_tells_how_it_was_trained(page):
    text = re.sub(r"<[^>]+>", " ", page.split('id="training"')[1].split("</section>")[0])
    for part in ("2 of 3", "90 s in 3 epochs", "0.002", "bf16-mixed", "rotation 7.0", "42"):
        assert part in text
    assert "no record of its epochs" in page_without_figures(small())


def test_figures_follow_the_colours_of_the_page(page):
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    for colour in ("#ffffff", "#000000"):
        assert colour not in drawn
    used = set(re.findall(r"var\((--\w+)\)", drawn))
    assert {"--ground", "--text", "--model"} <= used
    for name in used:
        assert page.count(f"{name}: #") == 3, "light, dark and print"


def test_cells_of_tables_that_stack_on_a_phone_name_their_column(page):
    stacked = re.findall(r'<table class="[^"]*stack.*?</table>', page, flags=re.DOTALL)
    assert len(stacked) == 3
    for table in stacked:
        cells = re.findall(r"<td[^>]*>", table)
        assert cells
        assert all("data-label=" in cell for cell in cells)


def test_images_have_alt_text(page):
    images = re.findall(r"<img [^>]*>", page)
    assert images
    assert all(re.search(r'alt="[^"]+"', image) for image in images)


@pytest.mark.parametrize(
    "names",
    [
        ["<script>alert(1)</script>", "\"><img src=x onerror='y'>"],
        ["{{ 7 * 7 }} $x^2$ & _a_", "P\udcff\n\x07"],
    ],
)
def test_hostile_names_are_escaped(names):
    scored_set = draw(class_names=names, robustness={})
    odd = [f"a/b/{i}<script>\"'\udcfe&.jpeg" for i in range(len(scored_set.table))]
    hostile = source(names, run="<b>run</b>", data_root="'\"><script>", notes=["<script>note</script>"], split=None)
    page = page_of(replace(scored_set, table=replace(scored_set.table, path=odd, patient=odd), source=hostile))
    reader = read(page)
    assert "script" not in reader.tags
    assert "b" not in reader.tags
    assert "49" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).split("<h1>")[1].split("</h1>")[0]
    assert "<b>run</b>" in "".join(reader.text)
    page.encode("utf-8")


def test_missing_images_show_a_reason():
    page = page_without_figures(draw(robustness={}))
    assert "The image file no longer exists." in page
    assert "<img" not in page


@pytest.mark.parametrize("kind", ["one class", "bare", "empty"])
def test_page_with_little_data(kind):
    scored_set = small()
    bare = {"class_names": ["NORMAL", "PNEUMONIA"], "temperature": 1.0, "threshold": 0.5}
    table = scored_set.table
    no_rows = Predictions((), (), (), table.logit[:0], table.logit[:0], ())
    case = {
        "one class": one_class(scored_set),
        "bare": ScoredSet(table, bare),
        "empty": ScoredSet(no_rows, scored_set.source),
    }[kind]
    page = page_of(case)
    reader = read(page)
    text = "".join(reader.text)
    assert len(reader.ids) == len(set(reader.ids))
    assert "None" not in text.replace("None.", "").replace("None recorded", "")
    assert {
        "one class": "not defined for these images",
        "bare": "No shortcut baseline was recorded",
        "empty": "0 images of 0 patients",
    }[kind] in text


def test_page_lists_other_sets_of_the_run():
    other = small(seed=1, external=True, data_root="/far/away")
    summary = summarise(other)
    (write(other, "logs/cnn/version_0/external/away") / "metrics.json").write_text(json.dumps(summary))
    folder, metrics = write(small()), summary["metrics"]
    row = read(page_without_figures(small(), siblings(folder))).rows["data-set=external/away"]
    number = number_format(summary)
    assert "external test, /far/away" in row
    for name in ("auroc", "sensitivity", "specificity"):
        assert number(metrics[name]["value"]) in row
        assert interval(metrics[name], number) in row


def test_page_warns_if_not_above_the_shortcut_baselines():
    scored_set = small()
    page = page_without_figures(replace(scored_set, ablations={"statistics": scored_set.table.logit}))
    assert "Not clearly above the shortcut baselines" in page
    assert ">not clear<" in page


def test_page_of_many_images_stays_small():
    many = draw(images=2000, patients=500)
    assert len(page_of(ScoredSet(many.table, many.source))) < 2e6
