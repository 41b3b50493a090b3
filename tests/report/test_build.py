import json
from pathlib import Path

import pytest
from PIL import Image
from tests.report.conftest import draw, source, write, write_images, write_report

from xray import NOTICE
from xray.evaluation.scored_set import ScoredSet, read_scored_set
from xray.evaluation.summary import summarise
from xray.report.build import siblings, write_reports
from xray.report.gallery import HOW_TO_READ
from xray.utils.errors import UserError

RUN = Path("logs/cnn/version_0")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_metrics_are_the_summary_with_the_notice(reported):
    metrics = json.loads((reported / "metrics.json").read_text())
    assert metrics.pop("notice") == NOTICE
    assert metrics == json.loads(json.dumps(summarise(read_scored_set(reported))))


def test_a_report_has_all_its_files_and_no_others(reported):
    names = {str(path.relative_to(reported)) for path in reported.rglob("*") if path.is_file()}
    tables = {"predictions.csv", "source.json", "images.csv", "ablations.csv", "ood.csv"} | {
        "robustness.csv",
        "duplicates.json",
    }
    figures = {f"figures/{name}.{kind}" for name in HOW_TO_READ for kind in ("png", "svg")}
    assert names == tables | figures | {"metrics.json", "report.html", "model_card.md"}
    for path in (reported / "figures").glob("*.png"):
        assert min(Image.open(path).size) > 400


def test_no_file_names_an_outside_address(reported):
    for path in reported.rglob("*"):
        if path.suffix in {".svg", ".html", ".md", ".json"}:
            text = path.read_text()
            for name in ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"):
                text = text.replace(f'="{name}"', "")
            assert "http" not in text, path


def test_a_repeated_report_is_the_same_to_the_byte():
    found = draw()
    write_images(found)
    folder = write(found)
    write_report(folder)
    before = contents(folder)
    write_report(folder)
    assert contents(folder) == before


def test_what_an_earlier_report_drew_of_other_evidence_is_removed():
    found = draw()
    folder = write(found)
    write_report(folder)
    assert (folder / "figures/robustness.png").exists()
    write(ScoredSet(found.table, found.source))
    write_report(folder)
    assert not (folder / "figures/robustness.png").exists()
    assert "figure-robustness" not in (folder / "report.html").read_text()


def test_all_sets_of_a_run_show_one_another_after_one_call():
    folders = [
        write(draw(seed=i, source=source(**changes)), RUN / place)
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
        shown = {row["place"]: row for row in siblings(folder)}
        assert set(shown) == {"test", "validate", "external/a"} - {str(folder.relative_to(RUN))}
        for place, row in shown.items():
            assert row["auroc"] == summaries[RUN / place]["figures"]["auroc"]
            assert row["images"] == 60
            assert f'data-set="{place}"' in (folder / "report.html").read_text()
    kinds = {row["place"]: row["kind"] for row in siblings(folders[1])}
    assert kinds == {"test": "test", "external/a": "external test"}


def test_a_set_without_figures_is_none_beside_others():
    write(draw(), RUN / "validate")
    folder = write(draw())
    assert siblings(folder) == []


def test_a_set_with_damaged_figures_is_told_so():
    other, folder = write(draw(), RUN / "validate"), write(draw())
    (other / "metrics.json").write_text('{"images": 3')
    (row,) = siblings(folder)
    assert "cannot be read" in row["damaged"]
    write_report(folder)
    assert "cannot be read" in (folder / "report.html").read_text()


def test_damaged_tables_of_one_set_are_told_after_the_others_are_written():
    damaged, folder = write(draw()), write(draw(), RUN / "validate")
    (damaged / "predictions.csv").write_text("nothing")
    with pytest.raises(UserError, match=r"test/predictions\.csv"):
        write_reports([damaged, folder])
    assert (folder / "report.html").exists()
    assert not (damaged / "report.html").exists()


def test_a_folder_that_cannot_be_written_is_named():
    folder = write(draw())
    (folder / "figures").touch()
    with pytest.raises(UserError, match="figures"):
        write_report(folder)
