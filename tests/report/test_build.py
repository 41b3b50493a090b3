import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from tests.report.conftest import small, write, write_report

from xray import NOTICE
from xray.evaluation.scored_set import read_scored_set
from xray.evaluation.summary import summarise
from xray.report.build import siblings, write_reports
from xray.report.gallery import CAPTIONS
from xray.utils.errors import UserError

RUN = Path("logs/cnn/version_0")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_metrics_json_is_the_summary_with_the_notice(reported):
    metrics = json.loads((reported / "metrics.json").read_text())
    assert metrics.pop("notice") == NOTICE
    assert metrics == json.loads(json.dumps(summarise(read_scored_set(reported))))


def test_report_writes_exactly_its_files(reported):
    names = {str(path.relative_to(reported)) for path in reported.rglob("*") if path.is_file()}
    tables = {"predictions.csv", "source.json", "images.csv", "ablations.csv", "ood.csv"} | {
        "robustness.csv",
        "duplicates.json",
    }
    figures = {f"figures/{name}.{kind}" for name in CAPTIONS for kind in ("png", "svg")}
    assert names == tables | figures | {"metrics.json", "report.html", "model_card.md"}
    for path in (reported / "figures").glob("*.png"):
        assert min(Image.open(path).size) > 400


def test_no_file_links_to_the_network(reported):
    for path in reported.rglob("*"):
        if path.suffix in {".svg", ".html", ".md", ".json"}:
            text = path.read_text()
            for name in ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"):
                text = text.replace(f'="{name}"', "")
            assert "http" not in text, path


def test_report_is_reproducible_to_the_byte(reported):
    shutil.copytree(reported.parents[3], ".", dirs_exist_ok=True)
    folder = RUN / "test"
    write_report(folder)
    assert contents(folder) == contents(reported)


def test_removes_figures_of_an_earlier_report():
    folder = write(small())
    (folder / "figures").mkdir()
    (folder / "figures/robustness.png").touch()
    write_report(folder)
    assert not (folder / "figures/robustness.png").exists()
    assert "figure-robustness" not in (folder / "report.html").read_text()


def test_reports_of_one_run_list_the_other_sets():
    folders = [
        write(small(seed=i, **changes), RUN / place)
        for i, (place, changes) in enumerate(
            {
                "test": {},
                "validate": {"set": "validate", "split": "val"},
                "external/a": {"external": True, "data_root": "a"},
            }.items()
        )
    ]
    summaries = write_reports(folders)
    assert list(summaries) == folders
    for folder in folders:
        shown = {row["name"]: row for row in siblings(folder)}
        assert set(shown) == {"test", "validate", "external/a"} - {str(folder.relative_to(RUN))}
        for place, row in shown.items():
            assert row["auroc"] == summaries[RUN / place]["metrics"]["auroc"]
            assert row["images"] == 60
            assert f'data-set="{place}"' in (folder / "report.html").read_text()
    kinds = {row["name"]: row["kind"] for row in siblings(folders[1])}
    assert kinds == {"test": "test", "external/a": "external test"}


def test_siblings_need_metrics():
    write(small(), RUN / "validate")
    folder = write(small())
    assert siblings(folder) == []


def test_siblings_report_damaged_metrics():
    other, folder = write(small(), RUN / "validate"), write(small())
    (other / "metrics.json").write_text('{"images": 3')
    (row,) = siblings(folder)
    assert "cannot be read" in row["damaged"]
    write_report(folder)
    assert "cannot be read" in (folder / "report.html").read_text()


def test_damaged_set_does_not_stop_the_others():
    damaged, folder = write(small()), write(small(), RUN / "validate")
    (damaged / "predictions.csv").write_text("nothing")
    with pytest.raises(UserError, match=r"test/predictions\.csv"):
        write_reports([damaged, folder])
    assert (folder / "report.html").exists()
    assert not (damaged / "report.html").exists()


@pytest.mark.parametrize(("place", "command"), [("validate", "validate"), ("test", "test")])
def test_advice_for_a_set_of_an_earlier_version_names_its_command(place, command):
    folder = write(small(), RUN / place)
    (folder / "films.csv").touch()
    with pytest.raises(UserError, match=f"earlier version of xray: .*'python -m xray {command}'"):
        write_report(folder)


def test_error_names_an_unwritable_folder():
    folder = write(small())
    (folder / "figures").touch()
    with pytest.raises(UserError, match="figures"):
        write_report(folder)
