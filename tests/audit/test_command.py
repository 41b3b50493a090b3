"""The command audit: exit status, written files, and files that it does not overwrite."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from xray import NOTICE
from xray.audit.command import audit
from xray.cli import main
from xray.utils.errors import UserError


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


def record_in(folder):
    return json.loads(Path(folder, "audit.json").read_text())


def test_audits_a_clean_folder_without_writing_into_it(images, capsys):
    before = {path: path.stat().st_mtime_ns for path in images.rglob("*")}
    assert audit(images, cache_dir=Path("cache")) == 0
    assert {path: path.stat().st_mtime_ns for path in images.rglob("*")} == before
    shown = capsys.readouterr().out
    assert "No blocking problem" in shown
    assert NOTICE in shown
    record = record_in("logs/audit/images")
    assert record["severities"]["blocking"] == 0
    assert record["images"] == record["readable"] == 92
    assert [row["images"] for row in record["counts"]] == [24, 32, 4, 4, 12, 16]
    assert [row["patients"] for row in record["counts"]] == [12, 16, 2, 2, 6, 8]
    assert record["notice"] == NOTICE
    # In the cache of a fit.
    assert [folder.name for folder in Path("cache").iterdir() if folder.name.startswith("stretch-128-")]


def test_a_blocking_problem_gives_status_1_and_a_self_contained_page(images, capsys):
    shutil.copyfile(images / "train/NORMAL/IM-0101-0001.jpeg", images / "test/NORMAL/IM-0900-0001.jpeg")
    assert main(["audit", str(images), "--out", "out"]) == 1
    assert "1 blocking problem: results on these images would be invalid" in capsys.readouterr().out
    findings = record_in("out")["findings"]
    assert findings[0]["code"] == "copies-in-test"
    severities = [finding["severity"] for finding in findings]
    assert severities == sorted(severities, key=["blocking", "warning", "note"].index)
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
    ("args", "message"),
    [
        ([], "directory"),
        (["images", "--nope", "1"], "--nope"),
        (["images", "more"], "more"),
        (["nope"], "nope does not exist"),
        (["images/train/NORMAL"], "no image in"),
        (["images", "--patient_pattern", "("], "--patient_pattern '(' is not a valid regular expression"),
        (["images", "--out", "images"], "never written to"),
    ],
)
def test_wrong_usage_gives_status_2(images, capsys, args, message):
    assert main(["audit", *args]) == 2
    assert message in capsys.readouterr().err


def test_escapes_file_names(images, capsys):
    names = ["<script>.jpeg", "[bold]x[.jpeg", "a&b\"'.jpeg", "line\nbreak\x1b[31m.jpeg", os.fsdecode(b"\xff\xe9.jpeg")]
    for name in names:
        (images / "train/NORMAL" / name).write_text("no image")
    assert audit(images, Path("out")) == 1
    shown = capsys.readouterr().out
    assert "\x1b[31m" not in shown
    page = Page(Path("out/audit.html").read_text())
    assert "script" not in page.tags
    unreadable = next(finding for finding in record_in("out")["findings"] if finding["code"] == "unreadable")
    files = [f"train/NORMAL/{name}" for name in names]
    assert sorted(case["files"][0] for case in unreadable["cases"]) == sorted(files)
    assert set(files[:3]) <= set(page.words)
    assert "train/NORMAL/[bold]x[.jpeg" in shown


def test_replaces_an_earlier_audit_of_the_folder(images):
    assert audit(images, Path("out")) == 0
    (images / "train/NORMAL/IM-0101-0001.jpeg").write_text("no image")
    assert audit(images, Path("out")) == 1
    assert "cannot be read" in Path("out/audit.html").read_text()


@pytest.mark.parametrize("name", ["audit.json", "audit.html"])
@pytest.mark.parametrize("content", ["notes", "{}", '{"root": "other"}'])
def test_does_not_overwrite_other_files(images, name, content):
    Path("out").mkdir()
    (Path("out") / name).write_text(content)
    with pytest.raises(UserError, match="not a complete audit of"):
        audit(images, Path("out"))
    assert (Path("out") / name).read_text() == content


@pytest.mark.parametrize("below", [".", "audit", "train/NORMAL"])
def test_does_not_write_into_the_audited_folder(images, below):
    with pytest.raises(UserError, match="never written to"):
        audit(images, images / below)


def test_reports_an_output_that_cannot_be_written_before_any_work(images):
    Path("file").touch()
    with pytest.raises(UserError, match="--out file"):
        audit(images, Path("file"))
    assert not Path("data").exists()


def test_says_what_a_small_folder_is_not_checked_for(make, capsys):
    assert audit(make("small", patients={"train": (5, 5)})) == 0
    shown = capsys.readouterr().out
    assert "not checked" in shown
    assert "not-chest-xray" not in shown


def test_number_of_thumbnails_is_limited(images):
    for k in range(150):
        Image.new("RGB", (16, 16), (k, 255 - k, 60)).save(images / f"train/NORMAL/IM-{1000 + k}-0001.png")
    audit(images, Path("out"))
    text = Path("out/audit.html").read_text()
    assert 0 < len(Page(text).addresses) <= 90
    assert "The other 50 are in audit.json." in text


def test_finds_the_known_problems_of_the_real_images(full_size_images):
    assert audit(full_size_images, Path("out")) == 0
    findings = {finding["code"]: finding for finding in record_in("out")["findings"]}
    assert findings["mode-of-one-class"]["title"].startswith("Only PNEUMONIA has files of mode RGB (30 of 200)")
    assert "aspect (AUROC 0.9" in findings["shape-separates-classes"]["title"]
    assert findings["shortcut-baseline"]["severity"] == "warning"
    assert "copies-in-both-classes" not in findings
