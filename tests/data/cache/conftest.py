"""Fixtures of the tests of the cache."""

import pytest

import xray.data.cache.hashing


@pytest.fixture(autouse=True)
def hash_new_files(monkeypatch):
    """Store the hashes of files that were just written, as those of these tests are."""
    monkeypatch.setattr(xray.data.cache.hashing, "SETTLE_NS", 0)
