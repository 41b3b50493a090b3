"""Modules that a config names are imported, or an error says which one is not, and why."""

import sys
from pathlib import Path

import pytest

from xray.utils.errors import UserError
from xray.utils.imports import import_modules


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("own", "own_package", "own_package.part"):
        sys.modules.pop(name, None)


def test_imports_files_and_packages():
    Path("own.py").write_text("VALUE = 3\n")
    Path("own_package").mkdir()
    Path("own_package/part.py").write_text("VALUE = 4\n")
    import_modules(["own", "own_package.part"], "a.yaml")
    assert (sys.modules["own"].VALUE, sys.modules["own_package.part"].VALUE) == (3, 4)
    import_modules(None, "a.yaml")


@pytest.mark.parametrize("names", ["own", [3], {"own": None}])
def test_rejects_what_is_no_list_of_names(names):
    with pytest.raises(UserError, match=r"imports in a.yaml is .*: it must be a list"):
        import_modules(names, "a.yaml")


@pytest.mark.parametrize("name", ["own.py", "folder/own", ".own", ""])
def test_rejects_what_is_no_name_of_a_module(name):
    with pytest.raises(UserError, match=f"imports in a.yaml has '{name}': give the name of a module"):
        import_modules([name], "a.yaml")


def test_rejects_a_module_that_shadows_one_of_python():
    Path("random.py").write_text("VALUE = 3\n")
    with pytest.raises(UserError, match="names random, which is a module of Python itself"):
        import_modules(["random"], "a.yaml")


@pytest.mark.parametrize(("name", "file"), [("absent", "absent.py"), ("absent.part", "absent/part.py")])
def test_says_where_a_module_is_looked_for(name, file):
    with pytest.raises(UserError, match=f"no module {name}, .* a.yaml .*where {file} lies"):
        import_modules([name], "a.yaml")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import absent\n", r"ModuleNotFoundError: No module named 'absent' \(.*own.py, line 1\)"),
        ("x = 1\ny = 1 / 0\n", r"ZeroDivisionError: division by zero \(.*own.py, line 2\)"),
        ("raise SystemExit(0)\n", r"SystemExit: 0 \(.*own.py, line 1\)"),
        ("x = 1\ny = (\n", r"SyntaxError: .* \(.*own.py, line 2\)"),
    ],
)
def test_names_the_line_that_fails(code, reason):
    Path("own.py").write_text(code)
    with pytest.raises(UserError, match=rf"module own, .* a.yaml .*: {reason}") as error:
        import_modules(["own"], "a.yaml")
    assert len(error.value.lines) == 1
    assert "\n" not in str(error.value)
