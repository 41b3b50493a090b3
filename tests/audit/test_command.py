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


def snapshot(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_a_clean_folder_is_told_and_left_as_it_was(images, capsys):
    before = snapshot(images)
    assert audit(images) == 0
    assert snapshot(images) == before
    shown = capsys.readouterr().out
    assert "No blocking problem" in shown
    assert NOTICE in shown
    record = json.loads(Path("logs/audit/images/audit.json").read_text())
    assert record["severities"]["blocking"] == 0
    assert record["images"] == record["readable"] == 92
    assert [row["images"] for row in record["counts"]] == [24, 32, 4, 4, 12, 16]
    assert [row["patients"] for row in record["counts"]] == [12, 16, 2, 2, 6, 8]
    assert record["notice"] == NOTICE


def test_a_blocking_problem_is_the_exit_status(images, capsys):
    shutil.copyfile(images / "train/NORMAL/IM-0101-0001.jpeg", images / "test/NORMAL/IM-0900-0001.jpeg")
    assert main(["audit", str(images), "--out", "out"]) == 1
    assert "1 blocking problem: results on these images would be invalid" in capsys.readouterr().out
    record = json.loads(Path("out/audit.json").read_text())
    assert record["findings"][0]["code"] == "copies-in-test"
    assert [finding["severity"] for finding in record["findings"]] == sorted(
        (finding["severity"] for finding in record["findings"]), key=["blocking", "warning", "note"].index
    )


@pytest.mark.parametrize("words", [[], ["images", "--nope", "1"], ["images", "more"]])
def test_a_wrong_command_line_has_another_exit_status(images, words):
    assert main(["audit", *words]) == 2


def test_images_are_decoded_into_the_cache_of_a_fit(images):
    audit(images, cache_dir=Path("cache"))
    assert [folder.name for folder in Path("cache").iterdir() if folder.name.startswith("stretch-128-")]


def test_the_page_needs_nothing_beside_it(images):
    shutil.copyfile(images / "train/NORMAL/IM-0101-0001.jpeg", images / "test/NORMAL/IM-0900-0001.jpeg")
    audit(images, Path("out"))
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
def test_hostile_names_are_only_names(images, capsys, name):
    name = name.replace("/", "_")
    path = images / "train/NORMAL" / (name if name.endswith(".jpeg") else f"{name}.jpeg")
    path.write_text("no image")
    assert audit(images, Path("out")) == 1
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


def test_an_earlier_audit_of_the_folder_is_replaced(images):
    assert audit(images, Path("out")) == 0
    (images / "train/NORMAL/IM-0101-0001.jpeg").write_text("no image")
    assert audit(images, Path("out")) == 1
    assert "cannot be read" in Path("out/audit.html").read_text()


@pytest.mark.parametrize("name", ["audit.json", "audit.html"])
@pytest.mark.parametrize("content", ["", "{}", "notes", '{"root": "images"}'])
def test_a_foreign_file_is_left_alone(images, name, content):
    Path("out").mkdir()
    (Path("out") / name).write_text(content)
    with pytest.raises(UserError, match=f"{name} exists and is not an audit"):
        audit(images, Path("out"))
    assert (Path("out") / name).read_text() == content


def test_half_an_audit_is_left_alone(images):
    audit(images, Path("out"))
    record = Path("out/audit.json")
    record.write_text(record.read_text()[:300])
    with pytest.raises(UserError, match="incomplete audit"):
        audit(images, Path("out"))


def test_the_audit_of_another_folder_is_left_alone(images, make):
    audit(images, Path("out"))
    with pytest.raises(UserError, match="holds the audit of"):
        audit(make("other"), Path("out"))


@pytest.mark.parametrize("below", [".", "audit", "train/NORMAL"])
def test_nothing_is_written_into_the_folder_itself(images, below):
    with pytest.raises(UserError, match="never written to"):
        audit(images, images / below)


def test_a_place_that_cannot_be_written_is_told_before_any_work(images):
    Path("file").touch()
    with pytest.raises(UserError, match="--out file"):
        audit(images, Path("file"))
    assert not Path("data").exists()


def test_the_default_place_is_named_after_the_folder(tmp_path):
    assert default_out(tmp_path / "images") == Path("logs/audit/images")
    assert default_out(Path()) == Path("logs/audit", tmp_path.name)
    assert default_out(Path("/")) == Path("logs/audit/root")


def test_a_small_folder_is_judged_as_far_as_it_can_be(make, capsys):
    assert audit(make("small", patients={"train": (5, 5)})) == 0
    shown = capsys.readouterr().out
    assert "not checked" in shown
    assert "no-chest-image" not in shown


def test_pictures_on_the_page_are_bounded(images):
    for k in range(150):
        Image.new("RGB", (48, 48), (k, 255 - k, 60)).save(images / f"train/NORMAL/IM-{1000 + k}-0001.png")
    audit(images, Path("out"))
    text = Path("out/audit.html").read_text()
    assert 0 < len(Page(text).addresses) <= 90
    assert "The other 50 are in audit.json." in text


def test_the_known_facts_of_the_real_images_are_found(full_size_images):
    assert audit(full_size_images, Path("out")) == 0
    findings = {f["code"]: f for f in json.loads(Path("out/audit.json").read_text())["findings"]}
    assert findings["mode-of-one-class"]["title"].startswith("Only PNEUMONIA has files of mode RGB (30 of 200)")
    assert "aspect (AUROC 0.9" in findings["shape-tells-class"]["title"]
    assert findings["shortcut-baseline"]["severity"] == "warning"
    assert "copies-in-both-classes" not in findings
