"""Room for connections, in processes of their own: a hard limit cannot be raised again."""

import resource
import subprocess
import sys

import pytest

from xray.serve.connections import OPEN_FILES

PROGRAM = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
from xray.serve.connections import make_room
make_room()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("allowed", "most", "then"),
    [(256, 1024, 1024), (256, OPEN_FILES + 1000, OPEN_FILES), (OPEN_FILES + 500, OPEN_FILES + 1000, OPEN_FILES + 500)],
)
def test_as_many_files_as_wanted_or_as_the_system_allows(allowed: int, most: int, then: int) -> None:
    here = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if here != resource.RLIM_INFINITY and here < most:
        pytest.skip(f"this machine allows {here} files")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(allowed), str(most)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(then), str(most)]
