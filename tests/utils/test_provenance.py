"""What a result says of the code that it comes from."""

import subprocess
from importlib.metadata import version

import pytest

import xray.utils.provenance
from xray.utils.provenance import code_version


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of its own, from which the program seems to run."""
    (tmp_path / "src/xray").mkdir(parents=True)
    (tmp_path / "src/xray/utils/provenance.py").write_text("")
    monkeypatch.setattr(xray.utils.provenance, "__file__", str(tmp_path / "src/xray/utils/provenance.py"))
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    return tmp_path


def test_a_checkout_is_named_by_its_commit(checkout):
    commit = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    told = code_version()
    assert told["commit"] == commit.stdout.strip()
    assert told["changed"] is False
    assert told["torch"] == version("torch")


def test_changes_since_the_commit_are_told(checkout):
    (checkout / "notes.txt").write_text("of no consequence")
    assert code_version()["changed"] is False
    (checkout / "src/xray/utils/provenance.py").write_text("changed")
    assert code_version()["changed"] is True


def test_an_installed_package_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(xray.utils.provenance, "__file__", str(tmp_path / "lib/xray/provenance.py"))
    told = code_version()
    assert (told["commit"], told["changed"]) == (None, None)


def test_a_machine_without_git_has_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert code_version()["commit"] is None
