"""A tiny run to predict with."""

import pytest
from tests.tiny_runs import tiny_run


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Return the best checkpoint of a tiny CNN with an OOD detector."""
    return tiny_run(tmp_path_factory.mktemp("run"))
