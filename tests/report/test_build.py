import json
from pathlib import Path

import pytest
from PIL import Image
from tests.report.conftest import draw, source, write, write_images, write_report

from xray import NOTICE
from xray.evaluation.scored_set import ScoredSet, read_scored_set
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


def test_report_is_reproducible_to_the_byte():
    scored_set = draw()
    write_images(scored_set)
    folder = write(scored_set)
    write_report(folder)
    before = contents(folder)
    write_report(folder)
    assert contents(folder) == before


def test_removes_figures_of_an_earlier_report():
    scored_set = draw()
    folder = write(scored_set)
    write_report(folder)
    assert (folder / "figures/robustness.png").exists()
    write(ScoredSet(scored_set.table, scored_set.source))
    write_report(folder)
    assert not (folder / "figures/robustness.png").exists()
    assert "figure-robustness" not in (folder / "report.html").read_text()


def test_reports_of_one_run_list_the_other_sets():
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
        shown = {row["name"]: row for row in siblings(folder)}
        assert set(shown) == {"test", "validate", "external/a"} - {str(folder.relative_to(RUN))}
        for place, row in shown.items():
            assert row["auroc"] == summaries[RUN / place]["figures"]["auroc"]
            assert row["images"] == 60
            assert f'data-set="{place}"' in (folder / "report.html").read_text()
    kinds = {row["name"]: row["kind"] for row in siblings(folders[1])}
    assert kinds == {"test": "test", "external/a": "external test"}


def test_siblings_need_metrics():
    write(draw(), RUN / "validate")
    folder = write(draw())
    assert siblings(folder) == []


def test_siblings_report_damaged_metrics():
    other, folder = write(draw(), RUN / "validate"), write(draw())
    (other / "metrics.json").write_text('{"images": 3')
    (row,) = siblings(folder)
    assert "cannot be read" in row["damaged"]
    write_report(folder)
    assert "cannot be read" in (folder / "report.html").read_text()


def test_damaged_set_does_not_stop_the_others():
    damaged, folder = write(draw()), write(draw(), RUN / "validate")
    (damaged / "predictions.csv").write_text("nothing")
    with pytest.raises(UserError, match=r"test/predictions\.csv"):
        write_reports([damaged, folder])
    assert (folder / "report.html").exists()
    assert not (damaged / "report.html").exists()


def test_error_names_an_unwritable_folder():
    folder = write(draw())
    (folder / "figures").touch()
    with pytest.raises(UserError, match="figures"):
        write_report(folder)
