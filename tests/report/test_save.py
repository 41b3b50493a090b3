import re
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from PIL import Image

from xray.report.save import inline_svg, save_figures
from xray.report.style import panel, report_style
from xray.utils.errors import UserError


@report_style()
def drawing(title="x"):
    figure, axes = panel((4, 3))
    axes.plot([0, 1], [0, 1])
    axes.set_title(title)
    return figure


def test_figures_are_reproducible_to_the_byte(tmp_path):
    texts = save_figures(tmp_path / "a", {"one": drawing()})
    save_figures(tmp_path / "b", {"one": drawing()})
    for name in ("one.png", "one.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert Image.open(tmp_path / "a" / "one.png").size == (600, 450)
    assert ElementTree.fromstring(texts["one"]).tag == "{http://www.w3.org/2000/svg}svg"
    assert (tmp_path / "a" / "one.svg").read_text() == texts["one"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["one.png", "one.svg"]


def test_figures_ignore_user_settings(tmp_path):
    before = save_figures(tmp_path, {"one": drawing()})
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        assert save_figures(tmp_path, {"one": drawing()}) == before
        assert mpl.rcParams["font.size"] == 30


def test_removes_only_own_outdated_figures(tmp_path):
    save_figures(tmp_path, {"one": drawing(), "two": drawing()})
    (tmp_path / "mine.png").touch()
    save_figures(tmp_path, {"one": drawing()}, known=["one", "two"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.png", "one.png", "one.svg"]


def test_error_names_an_unwritable_folder(tmp_path):
    (tmp_path / "figures").touch()
    with pytest.raises(UserError, match="figures"):
        save_figures(tmp_path / "figures", {"one": drawing()})


def test_titles_are_plain_text(tmp_path):
    text = save_figures(tmp_path, {"one": drawing("$\\frac{1}$ <script>")})["one"]
    assert "<script>" not in text
    ElementTree.fromstring(text)


def test_inline_figures_have_unique_ids(tmp_path):
    texts = save_figures(tmp_path, {name: drawing() for name in ("one", "two")})
    pages = [inline_svg(name, text, 'How "to" <read>') for name, text in texts.items()]
    ids = [set(re.findall(r'\bid="([^"]+)"', page)) for page in pages]
    assert ids[0]
    assert not ids[0] & ids[1]
    for page, own in zip(pages, ids, strict=True):
        used = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)
        assert used
        assert {a or b for a, b in used} <= own
        root = ElementTree.fromstring(page)
        assert root.attrib["aria-label"] == 'How "to" <read>'
        assert "width" not in root.attrib
        assert "<?xml" not in page
