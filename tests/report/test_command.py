"""The `report` command end to end."""

import subprocess
import sys
from pathlib import Path

from tests.report.conftest import draw, small, write

from xray.cli import main
from xray.report.command import report

RUN = Path("logs/cnn/version_0")
FILES = ("metrics.json", "report.html", "model_card.md", "figures/roc.png", "figures/roc.svg")


def test_rebuilds_all_sets_of_a_run(capsys):
    folders = [write(small(), RUN / "test"), write(small(external=True), RUN / "external/other")]
    tables = [(folder / "predictions.csv").read_bytes() for folder in folders]
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    for folder, table in zip(folders, tables, strict=True):
        assert f"Written: {folder}/ with report.html" in out
        assert all((folder / name).is_file() for name in FILES)
        assert (folder / "predictions.csv").read_bytes() == table
    assert 'data-set="external/other"' in (folders[0] / "report.html").read_text()


def test_report_needs_no_torch_and_no_network():
    write(small(), RUN / "test")
    code = (
        "import sys, socket\n"
        "def reject(*_): raise AssertionError('network')\n"
        "socket.socket.connect = reject\n"
        "from xray.cli import main\n"
        "assert main(['report']) == 0\n"
        "print([name for name in ('torch', 'lightning', 'torchvision') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_accepts_the_name_of_an_experiment(capsys):
    write(small(), RUN / "test")
    report("cnn")
    assert capsys.readouterr().out == f"Written: {RUN}/test/ with report.html, metrics.json, model_card.md, figures/\n"


def test_error_without_runs_says_what_to_do(capsys):
    assert main(["report"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(
        "xray: error: No run in logs/ has a scored set: score the newest with 'python -m xray test'"
    )
    assert captured.err.count("\n") == 1


def test_set_without_tables_is_reported_and_kept(capsys):
    incomplete, complete = write(small(), RUN / "test"), write(small(external=True), RUN / "external/other")
    (incomplete / "report.html").write_text("earlier")
    (incomplete / "predictions.csv").unlink()
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    assert f"Written: {complete}/" in out
    assert f"Not rebuilt: {incomplete}/ has no predictions.csv or no source.json; score its images again." in out
    assert (incomplete / "report.html").read_text() == "earlier"


def test_damaged_table_is_an_error(capsys):
    folder = write(draw(), RUN / "test")
    (folder / "images.csv").write_text("path,width\nother,3\n")
    assert main(["report"]) == 1
    assert "images.csv is damaged" in capsys.readouterr().err


def test_help_gives_an_example_run(capsys):
    assert main(["report", "--help"]) == 0
    assert "cnn/version_0" in capsys.readouterr().out
