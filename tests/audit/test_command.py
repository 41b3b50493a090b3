"""The command from folder to exit status, its files, and what it never writes over."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from xray import NOTICE
from xray.audit.command import audit, default_out
from xray.cli import main
from xray.errors import UserError


class Page(HTMLParser):
    """Addresses, text and start tags of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.words, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data):
        self.words.append(data)


def snapshot(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_a_clean_folder_is_told_and_left_as_it_was(films, capsys):
    before = snapshot(films)
    assert audit(films) == 0
    assert snapshot(films) == before
    shown = capsys.readouterr().out
    assert "No blocking problem" in shown
    assert NOTICE in shown
    record = json.loads(Path("logs/audit/films/audit.json").read_text())
    assert record["severities"]["blocking"] == 0
    assert record["films"] == record["readable"] == 92
    assert [row["images"] for row in record["counts"]] == [24, 32, 4, 4, 12, 16]
    assert [row["patients"] for row in record["counts"]] == [12, 16, 2, 2, 6, 8]
    assert record["notice"] == NOTICE


def test_a_blocking_problem_is_the_exit_status(films, capsys):
    shutil.copyfile(films / "train/NORMAL/IM-0101-0001.jpeg", films / "test/NORMAL/IM-0900-0001.jpeg")
    assert main(["audit", str(films), "--out", "out"]) == 1
    assert "1 blocking problem: results on these films would be wrong" in capsys.readouterr().out
    record = json.loads(Path("out/audit.json").read_text())
    assert record["findings"][0]["code"] == "copies-in-test"
    assert [finding["severity"] for finding in record["findings"]] == sorted(
        (finding["severity"] for finding in record["findings"]), key=["blocking", "warning", "note"].index
    )


@pytest.mark.parametrize("words", [[], ["films", "--nope", "1"], ["films", "more"]])
def test_a_wrong_command_line_has_another_exit_status(films, words):
    assert main(["audit", *words]) == 2


def test_films_are_decoded_into_the_cache_of_a_fit(films):
    audit(films, cache_dir=Path("cache"))
    assert [folder.name for folder in Path("cache").iterdir() if folder.name.startswith("squash-128-")]


def test_the_page_needs_nothing_beside_it(films):
    shutil.copyfile(films / "train/NORMAL/IM-0101-0001.jpeg", films / "test/NORMAL/IM-0900-0001.jpeg")
    audit(films, Path("out"))
    text = Path("out/audit.html").read_text()
    page = Page(text)
    assert len(page.addresses) == 2
    assert all(re.fullmatch(r"data:image/jpeg;base64,[\w+/=]+", address) for address in page.addresses)
    assert max(map(len, page.addresses)) < 40_000
    assert "http" not in text
    assert "script" not in page.tags
    assert NOTICE in text
    assert "test/NORMAL/IM-0900-0001.jpeg" in page.words


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>.jpeg",
        "[bold]x[",
        "a&b\"'.jpeg",
        "line\nbreak\x1b[31m.jpeg",
        os.fsdecode(b"\xff\xe9.jpeg"),
    ],
)
def test_hostile_names_are_only_names(films, capsys, name):
    name = name.replace("/", "_")
    path = films / "train/NORMAL" / (name if name.endswith(".jpeg") else f"{name}.jpeg")
    path.write_text("no image")
    assert audit(films, Path("out")) == 1
    shown = capsys.readouterr().out
    assert "\x1b[31m" not in shown
    page = Page(Path("out/audit.html").read_text())
    assert "script" not in page.tags
    record = json.loads(Path("out/audit.json").read_text())
    unreadable = next(finding for finding in record["findings"] if finding["code"] == "unreadable")
    assert unreadable["cases"][0]["files"] == [f"train/NORMAL/{path.name}"]
    if name.isprintable():
        assert f"train/NORMAL/{path.name}" in page.words
        assert f"train/NORMAL/{path.name}" in shown


def test_an_earlier_audit_of_the_folder_is_replaced(films):
    assert audit(films, Path("out")) == 0
    (films / "train/NORMAL/IM-0101-0001.jpeg").write_text("no image")
    assert audit(films, Path("out")) == 1
    assert "cannot be read" in Path("out/audit.html").read_text()


@pytest.mark.parametrize("name", ["audit.json", "audit.html"])
@pytest.mark.parametrize("content", ["", "{}", "notes", '{"root": "films"}'])
def test_a_foreign_file_is_left_alone(films, name, content):
    Path("out").mkdir()
    (Path("out") / name).write_text(content)
    with pytest.raises(UserError, match=f"{name} exists and is no audit"):
        audit(films, Path("out"))
    assert (Path("out") / name).read_text() == content


def test_half_an_audit_is_left_alone(films):
    audit(films, Path("out"))
    record = Path("out/audit.json")
    record.write_text(record.read_text()[:300])
    with pytest.raises(UserError, match="no whole audit"):
        audit(films, Path("out"))


def test_the_audit_of_another_folder_is_left_alone(films, make):
    audit(films, Path("out"))
    with pytest.raises(UserError, match="holds the audit of"):
        audit(make("other"), Path("out"))


@pytest.mark.parametrize("below", [".", "audit", "train/NORMAL"])
def test_nothing_is_written_into_the_folder_itself(films, below):
    with pytest.raises(UserError, match="nothing is written"):
        audit(films, films / below)


def test_a_place_that_cannot_be_written_is_told_before_any_work(films):
    Path("file").touch()
    with pytest.raises(UserError, match="--out file"):
        audit(films, Path("file"))
    assert not Path("data").exists()


def test_the_default_place_is_named_after_the_folder(tmp_path):
    assert default_out(tmp_path / "films") == Path("logs/audit/films")
    assert default_out(Path()) == Path("logs/audit", tmp_path.name)
    assert default_out(Path("/")) == Path("logs/audit/root")


def test_a_small_folder_is_judged_as_far_as_it_can_be(make, capsys):
    assert audit(make("small", patients={"train": (5, 5)})) == 0
    shown = capsys.readouterr().out
    assert "not judged" in shown
    assert "no-chest-film" not in shown


def test_pictures_on_the_page_are_bounded(films):
    for k in range(150):
        Image.new("RGB", (48, 48), (k, 255 - k, 60)).save(films / f"train/NORMAL/IM-{1000 + k}-0001.png")
    audit(films, Path("out"))
    text = Path("out/audit.html").read_text()
    assert 0 < len(Page(text).addresses) <= 90
    assert "The other 50 are in audit.json." in text


def test_the_known_facts_of_the_real_films_are_found(full_size_films):
    assert audit(full_size_films, Path("out")) == 0
    findings = {f["code"]: f for f in json.loads(Path("out/audit.json").read_text())["findings"]}
    assert findings["mode-of-one-class"]["title"].startswith("Only PNEUMONIA has files of mode RGB (30 of 200)")
    assert "aspect (AUROC 0.9" in findings["shape-tells-class"]["title"]
    assert findings["shortcut-floor"]["severity"] == "warning"
    assert "copies-in-both-classes" not in findings
