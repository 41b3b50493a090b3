"""Each section of docs/extending.md works as it stands, with code outside the package."""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.end_to_end.commands import run
from tests.tiny_runs import CONFIGS, FAST
from xray.evaluation.ablations import ABLATIONS
from xray.evaluation.registry import METRICS
from xray.scoring.corruptions import CORRUPTIONS

DOC = Path(__file__).parents[2] / "docs" / "extending.md"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
"""A block of code: its language, its file if it is one, its text."""
AFTER_FIT = (
    "validate",
    "test",
    "report",
    "predict data/demo/test --out predictions.csv",
    "explain data/demo/test/NORMAL --out explanations",
    "export --out model.onnx",
)
"""What each section's model must also be able to do."""


def sections() -> dict[str, str]:
    """Return the text of each section with code by its title."""
    parts = re.split(r"^## (.+)$", DOC.read_text(), flags=re.MULTILINE)[1:]
    return {title: text for title, text in zip(parts[::2], parts[1::2], strict=True) if "```" in text}


@pytest.fixture(autouse=True)
def nothing_of_another_section() -> Iterator[None]:
    with patch.dict(METRICS), patch.dict(CORRUPTIONS), patch.dict(ABLATIONS):
        yield
    sys.modules.pop("my", None)


@pytest.fixture(autouse=True)
def no_report_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no figures in reports, which takes most of the time of validate, test and report."""
    monkeypatch.setattr("xray.report.gallery.draw_figures", lambda *args, **kwargs: {})


@pytest.mark.parametrize("title", sections())
def test_section(title: str, images: Path) -> None:
    if "MLFlowLogger" in sections()[title] and find_spec("mlflow") is None:
        pytest.skip("needs the extra trackers")
    Path("data").mkdir()
    images.rename("data/demo")
    shutil.copytree(CONFIGS, "configs")
    for language, name, text in BLOCK.findall(sections()[title]):
        if name:
            Path(name).write_text(text)
        elif language == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                _run_line(line)
        elif language == "python":
            exec(compile(text, f"docs/extending.md, {title}", "exec"), {"__name__": "example"})


def _run_line(line: str) -> None:
    """Run a command of the program, quickly if it trains; after training all that one does with a model."""
    words = shlex.split(line, comments=True)
    assert words[:3] == ["python", "-m", "xray"], f"not a command of the program: {line}"
    if words[3] != "fit":
        run(*words[3:])
        return
    run(*words[3:], *FAST, "--trainer.max_epochs", 1)
    for command in AFTER_FIT:
        run(*command.split())
