"""Imports go down one list of folders, so that data flow one way and any folder can be read after those before it."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "xray"
FOLDERS = (
    *("utils", "data", "evaluation", "ood", "models", "runs", "scoring", "predictor", "explain", "report", "compare"),
    *("audit", "callbacks", "export", "serve", "sources", "api", "cli"),
)
"""Lowest first; `docs/architecture.md` says what each is for. `api` is a file."""
PURE = ("evaluation",)
HEAVY = {"torch", "lightning", "torchvision", "timm", "torchmetrics"}


def imports_of(file: Path) -> set[str]:
    """Modules that a file imports, at its top or later."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return modules | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def test_every_folder_is_in_the_list():
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders | {"api"} == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_imports_one_above_it(folder):
    above = {f"xray.{name}" for name in FOLDERS[FOLDERS.index(folder) + 1 :]}
    for file in (SOURCE / "api.py",) if folder == "api" else (SOURCE / folder).rglob("*.py"):
        upwards = {module for module in imports_of(file) if ".".join(module.split(".")[:2]) in above}
        assert not upwards, f"{file.relative_to(SOURCE)} imports {upwards}"


@pytest.mark.parametrize("folder", PURE)
def test_metrics_need_neither_torch_nor_lightning(folder):
    for file in (SOURCE / folder).rglob("*.py"):
        assert not {module.split(".")[0] for module in imports_of(file)} & HEAVY, file.relative_to(SOURCE)
