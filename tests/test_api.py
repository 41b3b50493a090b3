"""`from xray import load_model, evaluate, audit`."""

import subprocess
import sys

import pytest

import xray
from xray.audit.finding import Finding
from xray.utils.errors import UserError


def test_importing_xray_imports_nothing_heavy():
    code = (
        "import sys, xray\n"
        "assert not {'torch', 'pandas', 'numpy'} & set(sys.modules)\n"
        "from xray import audit, evaluate, load_model\n"
        "assert not {'torch', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_are_reported_as_usual():
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        xray.evaluat  # noqa: B018
    with pytest.raises(ImportError, match="train_model"):
        from xray import train_model  # noqa: F401


def test_audit_returns_findings_also_after_imports_of_its_modules(images):
    import xray.audit.command  # noqa: F401 - binds the name of the package
    from xray import audit

    copied = next((images / "train" / "NORMAL").iterdir())
    (images / "test" / "NORMAL" / "IM-0999-0001.jpeg").write_bytes(copied.read_bytes())
    before = sorted(images.rglob("*"))
    findings = audit(images)
    assert all(isinstance(finding, Finding) for finding in findings)
    assert findings[0].severity == "blocking"
    assert any(copied.name in file for finding in findings for case in finding.cases for file in case.files)
    assert sorted(images.rglob("*")) == before
    assert audit(str(images)) == findings


def test_load_model_names_the_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match="needs the extra 'tables'"):
        xray.load_model("none")


def test_load_model_without_a_run_says_what_to_do():
    with pytest.raises(UserError, match=r"no file, called 'none/version_0'"):
        xray.load_model("none/version_0")
