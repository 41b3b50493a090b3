"""Code version of a result."""

import subprocess
from importlib.metadata import version

import pytest

import xray.utils.provenance
from xray.utils.provenance import code_version


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Return a git checkout from which the program seems to run."""
    (tmp_path / "src/xray/utils").mkdir(parents=True)
    (tmp_path / "src/xray/utils/provenance.py").write_text("")
    monkeypatch.setattr(xray.utils.provenance, "__file__", str(tmp_path / "src/xray/utils/provenance.py"))
    for args in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", "-C", tmp_path, *args], check=True)
    return tmp_path


def test_reports_the_commit_of_a_checkout(checkout):
    commit = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    code = code_version()
    assert code["commit"] == commit.stdout.strip()
    assert code["changed"] is False
    assert code["torch"] == version("torch")


def test_reports_changes_since_the_commit(checkout):
    (checkout / "notes.txt").write_text("of no consequence")
    assert code_version()["changed"] is False
    (checkout / "src/xray/utils/provenance.py").write_text("changed")
    assert code_version()["changed"] is True


def test_installed_package_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(xray.utils.provenance, "__file__", str(tmp_path / "lib/xray/utils/provenance.py"))
    code = code_version()
    assert (code["commit"], code["changed"]) == (None, None)


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert code_version()["commit"] is None
